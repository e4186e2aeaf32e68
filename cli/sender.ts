import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf, type ErrorCode } from '#/kernel/errors.ts'
import type { Random } from '#/kernel/random.ts'

export interface Rejection {
  index: number
  code: string
  message: string
}

export interface SendResult {
  accepted: number
  rejected: readonly Rejection[]
}

export interface Sender {
  /** Posts one batch and waits for the durable acknowledgement; waits and tries again on 429, 503 and lost connections. */
  send(events: readonly unknown[], signal?: AbortSignal): Promise<SendResult>
  readonly retries: number
}

export interface SenderOptions {
  url: string
  key: string
  clock: Clock
  random: Random
  /** Attempts per batch before giving up. */
  attemptsMax?: number
}

interface Answer {
  status: number
  retryAfterS: number | undefined
  body: {
    accepted?: number
    rejected?: Rejection[]
    event_id?: string
    code?: string
    detail?: string
    path?: string
    remedy?: string
  }
}

const RETRY_MAX_MS = 10_000

async function post(
  options: SenderOptions,
  body: string,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const response = await fetch(new URL('/v1/events', options.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': options.key },
    body,
    signal: signal ?? null,
  })
  const text = await response.text()
  const after = Number(response.headers.get('retry-after') ?? Number.NaN)
  let parsed: Answer['body'] = {}
  try {
    parsed = JSON.parse(text) as Answer['body']
  } catch {
    parsed = { detail: text.slice(0, 200) }
  }
  return {
    status: response.status,
    retryAfterS: Number.isFinite(after) ? after : undefined,
    body: parsed,
  }
}

function refusal(answer: Answer): FaultlineError {
  const { code, detail, path, remedy } = answer.body
  const text = `the server answered ${answer.status}: ${detail ?? 'no reason given'}`
  return new FaultlineError((code ?? 'invalid_request') as ErrorCode, text, {
    ...(path === undefined ? {} : { path }),
    ...(remedy === undefined ? {} : { remedy }),
  })
}

export function createSender(options: SenderOptions): Sender {
  const attemptsMax = options.attemptsMax ?? 30
  let retries = 0
  return {
    get retries() {
      return retries
    },
    async send(events, signal) {
      const body = JSON.stringify(events)
      for (let attempt = 1; ; attempt += 1) {
        let waitMs =
          Math.min(RETRY_MAX_MS, 200 * 2 ** (attempt - 1)) * (0.5 + options.random.unit() / 2)
        let reason: unknown
        try {
          const answer = await post(options, body, signal)
          if (answer.status === 202)
            return { accepted: answer.body.accepted ?? 1, rejected: answer.body.rejected ?? [] }
          reason = refusal(answer)
          if (answer.status !== 429 && answer.status !== 503) throw reason
          if (answer.retryAfterS !== undefined) waitMs = answer.retryAfterS * 1000
        } catch (error) {
          if (signal?.aborted === true || (error instanceof FaultlineError && error === reason))
            throw error
          reason = error
        }
        if (attempt >= attemptsMax) {
          throw reason instanceof FaultlineError
            ? reason
            : new FaultlineError(
                'log_unavailable',
                `${options.url} cannot be reached: ${messageOf(reason)}`,
                {
                  cause: reason,
                  remedy: 'start the platform with `npm start`, or name another address with --url',
                },
              )
        }
        retries += 1
        await options.clock.sleep(waitMs, signal)
      }
    },
  }
}
