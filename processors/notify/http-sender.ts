import { lookup as systemLookup } from 'node:dns/promises'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Clock } from '#/kernel/clock.ts'
import { messageOf, systemErrorCode } from '#/kernel/errors.ts'
import { closedAmong, hostOf, type AllowedAddresses } from '#/processors/domain/notify/address.ts'
import type { Outcome } from '#/processors/domain/notify/retry-policy.ts'

export interface OutgoingRequest {
  url: string
  headers: Readonly<Record<string, string>>
  body: string
}

export interface ResolvedAddress {
  address: string
  family: number
}

export interface HttpSenderDeps {
  clock: Clock
  allowed: AllowedAddresses
  timeoutMs: number
  userAgent: string
  /** Tests answer as a hostile name server would. */
  resolve?: (host: string) => Promise<readonly ResolvedAddress[]>
}

export type Send = (request: OutgoingRequest, signal: AbortSignal) => Promise<Outcome>

/** What of an answer is read before the connection is cut: nobody needs it, and some never end. */
const ANSWER_BYTES_MAX = 64 * 1024

class RefusedError extends Error {
  override readonly name = 'RefusedError'
}

const resolveAll = (host: string): Promise<readonly ResolvedAddress[]> =>
  systemLookup(host, { all: true })

/**
 * POSTs to addresses that somebody wrote into a configuration. The name is resolved once, every address is checked,
 * and the connection goes to a checked one, so that a second answer of the name server leads nowhere. Redirects are
 * not followed, no proxy is asked, no connection is used twice. Never rejects.
 */
export function createHttpSender(deps: HttpSenderDeps): Send {
  const { clock, timeoutMs, allowed } = deps
  return async (outgoing, signal) => {
    const url = URL.parse(outgoing.url)
    if (url === null) return refused('the address of the target cannot be read')
    const host = hostOf(url)
    // What is an address already is never looked up.
    const itself =
      isIP(host) === 0 ? undefined : closedAmong([{ address: host }], { host, allowed })
    if (itself !== undefined) return refused(sentenceAbout(host, itself))
    const over = new AbortController()
    const late = clock.sleep(timeoutMs, over.signal).then(() => 'late' as const)
    const ending = AbortSignal.any([over.signal, signal])
    try {
      const sent = post(url, outgoing, { ending, deps })
      const first = await Promise.race([sent, late])
      if (first !== 'late') return first
      return unanswered(`no answer within ${timeoutMs / 1000} s`)
    } finally {
      over.abort()
    }
  }
}

function refused(error: string): Outcome {
  return { statusCode: 0, retryAfter: '', error, isFinal: true }
}

function unanswered(error: string): Outcome {
  return { statusCode: 0, retryAfter: '', error }
}

function sentenceAbout(host: string, address: string): string {
  const where = host === address ? address : `${host} leads to ${address}, which`
  return `${where} is not a public address; allow it under notify.allow if it is meant`
}

interface PostOptions {
  ending: AbortSignal
  deps: HttpSenderDeps
}

function post(
  url: URL,
  outgoing: OutgoingRequest,
  { ending, deps }: PostOptions,
): Promise<Outcome> {
  const body = Buffer.from(outgoing.body)
  const options: RequestOptions = {
    method: 'POST',
    // A fresh connection each time: a kept one was checked for another moment.
    agent: false,
    signal: ending,
    lookup: checkedLookup(deps),
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': deps.userAgent,
      ...outgoing.headers,
    },
  }
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request = send(url, options, (answer) => {
      drain(answer)
      resolve({
        statusCode: answer.statusCode ?? 0,
        retryAfter: answer.headers['retry-after'] ?? '',
        error: '',
      })
    })
    request.on('error', (error) => {
      resolve(error instanceof RefusedError ? refused(error.message) : unanswered(wordsFor(error)))
    })
    request.end(body)
  })
}

/** The status is all that counts; a receiver gets the chance to end its answer, within a bound. */
function drain(answer: IncomingMessage): void {
  let bytes = 0
  answer.on('error', () => undefined)
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) answer.destroy()
  })
}

function wordsFor(error: Error): string {
  const code = systemErrorCode(error)
  if (code === 'ECONNREFUSED') return 'nobody listens at the address'
  if (code === 'ENOTFOUND') return 'the name of the host does not resolve'
  if (code === 'ECONNRESET') return 'the connection was closed before an answer'
  if (error.name === 'AbortError') return 'interrupted'
  return messageOf(error)
}

/** Every address of the host, checked. Fails with `RefusedError` when one of them is closed. */
async function checkedAddresses(
  host: string,
  { resolve = resolveAll, allowed }: HttpSenderDeps,
): Promise<readonly ResolvedAddress[]> {
  const found = await resolve(host)
  const closed = closedAmong(found, { host, allowed })
  if (closed !== undefined) throw new RefusedError(sentenceAbout(host, closed))
  return found
}

function checkedLookup(deps: HttpSenderDeps): LookupFunction {
  return (host, options, callback) => {
    const answer = async (): Promise<void> => {
      let found: readonly ResolvedAddress[]
      try {
        found = await checkedAddresses(host, deps)
      } catch (error) {
        callback(error instanceof Error ? error : new Error(messageOf(error)), [])
        return
      }
      const [first] = found
      if (first === undefined) callback(new Error('the name of the host does not resolve'), [])
      else if (options.all === true) callback(null, [...found])
      else callback(null, first.address, first.family)
    }
    void answer()
  }
}
