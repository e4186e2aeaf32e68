import type { EventInput } from '#/api/ingest/input.ts'
import type { OtlpGroup, OtlpSpan } from './model.ts'
import type { Peers, SpanGroup } from './peers.ts'
import { resourceFields } from './resource.ts'
import { isFailure, spanEvents, spanProblem } from './span-events.ts'

/** Events of a body, with the place of the record each is from. */
export interface Drawn {
  items: EventInput[]
  /** For each item the number of its record in the body. */
  recordOf: number[]
  /** Records that cannot be taken, by number. */
  problems: Map<number, string>
  /** Spans that are no event: ordinary steps inside a service. */
  skipped: number
  records: number
}

export function createDrawn(): Drawn {
  return { items: [], recordOf: [], problems: new Map(), skipped: 0, records: 0 }
}

export function traceEvents(
  groups: readonly OtlpGroup<OtlpSpan>[],
  { project, peers }: { project: string; peers: Peers },
): Drawn {
  const read = groups.map(({ resource, records }) => ({
    resource: resourceFields(resource),
    records,
  }))
  peers.learn(project, read)
  const drawn = createDrawn()
  const told = toldBelow(read)
  for (const { resource, records } of read) {
    for (const span of records) {
      const number = drawn.records
      drawn.records += 1
      const problem = spanProblem(span)
      if (problem !== '') {
        drawn.problems.set(number, problem)
        continue
      }
      const callee = peers.calleeOf(project, resource.service, span)
      const events = spanEvents(span, { resource, callee, isTold: told.has(span) })
      if (events.length === 0) drawn.skipped += 1
      for (const event of events) {
        drawn.items.push(event)
        drawn.recordOf.push(number)
      }
    }
  }
  return drawn
}

/** How far up a failure is followed; deeper traces tell it twice. */
const STEPS_MAX = 64

/**
 * Spans above a failed one, of the same service and body. A failure runs through every span it passes on its way up;
 * the deepest tells it, so that one failure is one error of a service.
 */
function toldBelow(groups: readonly SpanGroup[]): ReadonlySet<OtlpSpan> {
  const told = new Set<OtlpSpan>()
  const isHealthy = groups.every(({ records }) => !records.some(isFailure))
  if (isHealthy) return told
  const byService = new Map<string, OtlpSpan[]>()
  for (const { resource, records } of groups) {
    const spans = byService.get(resource.service)
    if (spans === undefined) byService.set(resource.service, [...records])
    else for (const span of records) spans.push(span)
  }
  for (const spans of byService.values()) {
    const byId = new Map(spans.map((span) => [span.traceId + span.spanId, span]))
    for (const span of spans) {
      if (!isFailure(span)) continue
      let above = byId.get(span.traceId + span.parentSpanId)
      for (let step = 0; above !== undefined && step < STEPS_MAX; step += 1) {
        // Whoever is marked has marked what is above it.
        if (told.has(above)) break
        told.add(above)
        above = byId.get(above.traceId + above.parentSpanId)
      }
    }
  }
  return told
}
