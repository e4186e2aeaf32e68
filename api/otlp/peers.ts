import { boundedSet } from '#/kernel/bounded-map.ts'
import { SPAN_KIND } from './model.ts'
import type { OtlpSpan } from './model.ts'
import { firstText } from './resource.ts'
import type { ResourceFields } from './resource.ts'

/** Spans of one resource, with what it says of them. */
export interface SpanGroup {
  resource: ResourceFields
  records: readonly OtlpSpan[]
}

/**
 * Which service answers when another calls an address. A span says at most an address; that the span below it belongs
 * to another service tells whose it is. What was once seen so holds for later calls of the same address, healthy or
 * not, so that findings about the caller name the called service as the pages do. An address where several answer,
 * as a proxy's, is left alone.
 */
export interface Peers {
  /** Looks at the spans of a body; what it learns holds for them too. */
  learn(project: string, groups: readonly SpanGroup[]): void
  /** The service a calling span has called, where that is known. */
  calleeOf(project: string, service: string, span: OtlpSpan): string | undefined
}

/** Calls whose other side was not seen yet, and answers whose caller was not. The oldest are forgotten. */
const OPEN_MAX = 20_000
const ADDRESSES_MAX = 10_000
const SEVERAL = ''

const ADDRESS = ['server.address', 'net.peer.name', 'http.host', 'rpc.service']
const PORT = ['server.port', 'net.peer.port']
const NAMED = ['service.peer.name', 'peer.service']

export function createPeers(): Peers {
  /** By trace and span: who called which address. */
  const calls = new Map<string, { service: string; address: string }>()
  /** By trace and the span above: who answered. */
  const answers = new Map<string, string>()
  const byAddress = new Map<string, string>()

  function meet(project: string, call: { service: string; address: string }, callee: string): void {
    if (call.service === callee || call.address === '') return
    const key = `${project}\n${call.service}\n${call.address}`
    const known = byAddress.get(key)
    if (known !== undefined && known !== callee)
      boundedSet(byAddress, { key, value: SEVERAL, max: ADDRESSES_MAX })
    else if (known === undefined) boundedSet(byAddress, { key, value: callee, max: ADDRESSES_MAX })
  }

  function look(project: string, service: string, span: OtlpSpan): void {
    if (isCall(span)) {
      const call = { service, address: addressOf(span) }
      const key = `${project}\n${span.traceId}${span.spanId}`
      const callee = answers.get(key)
      if (callee === undefined) boundedSet(calls, { key, value: call, max: OPEN_MAX })
      else meet(project, call, callee)
    } else if (isAnswer(span) && span.parentSpanId !== '') {
      const key = `${project}\n${span.traceId}${span.parentSpanId}`
      const call = calls.get(key)
      if (call !== undefined) {
        calls.delete(key)
        meet(project, call, service)
      }
      boundedSet(answers, { key, value: service, max: OPEN_MAX })
    }
  }

  return {
    learn(project, groups) {
      for (const { resource, records } of groups) {
        for (const span of records) look(project, resource.service, span)
      }
    },
    calleeOf(project, service, span) {
      if (!isCall(span)) return undefined
      const named = firstText(span.attributes, NAMED)
      if (named !== '') return named
      const answered = answers.get(`${project}\n${span.traceId}${span.spanId}`)
      if (answered !== undefined && answered !== service) return answered
      const callee = byAddress.get(`${project}\n${service}\n${addressOf(span)}`)
      return callee === undefined || callee === SEVERAL ? undefined : callee
    },
  }
}

const isCall = ({ kind }: OtlpSpan): boolean =>
  kind === SPAN_KIND.client || kind === SPAN_KIND.producer
const isAnswer = ({ kind }: OtlpSpan): boolean =>
  kind === SPAN_KIND.server || kind === SPAN_KIND.consumer

/** Empty when the span names none: then nothing is learned from it. */
function addressOf({ attributes }: OtlpSpan): string {
  const address = firstText(attributes, ADDRESS)
  return address === '' ? '' : `${address}:${firstText(attributes, PORT)}`
}
