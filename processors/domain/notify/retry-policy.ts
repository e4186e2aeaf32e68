/** What an attempt came to: an HTTP answer, or none. */
export interface Outcome {
  /** 0 when there was no answer. */
  statusCode: number
  /** Seconds or an HTTP date; empty when not given. */
  retryAfter: string
  /** What went wrong where there was no answer. */
  error: string
  /** Never to be tried again: refused by us, before anything was sent. */
  isFinal?: boolean
}

export type Verdict =
  | { kind: 'delivered' }
  | { kind: 'retry'; inMs: number; detail: string }
  | { kind: 'failed'; detail: string }

export const ATTEMPTS_MAX = 12
const FIRST_MS = 5_000
const CEILING_MS = 15 * 60_000
/** Who asks for longer is tried again sooner: an incident told hours late is no help. */
const RETRY_AFTER_MS_MAX = 60 * 60_000
/** The same bytes will not be better understood the next time; 410 says that nobody lives there any more. */
const HOPELESS = new Set([400, 405, 410, 413, 415, 422])

/**
 * Delivered by any 2xx, as Standard Webhooks has it. Everything else is tried again, since a receiver that is being
 * deployed answers 404 and 401 too, except what repeating cannot mend. `unit` is in [0, 1): half of the pause is
 * chance, so that receivers that come back are not hit by everybody at once.
 */
export function judge(
  outcome: Outcome,
  { attempt, nowMs, unit }: { attempt: number; nowMs: number; unit: number },
): Verdict {
  const { statusCode } = outcome
  if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered' }
  const detail = detailOf(outcome)
  const isRedirect = statusCode >= 300 && statusCode < 400
  if (outcome.isFinal === true || isRedirect || HOPELESS.has(statusCode))
    return { kind: 'failed', detail }
  if (attempt >= ATTEMPTS_MAX)
    return { kind: 'failed', detail: `${detail}; given up after ${attempt} attempts` }
  const ownMs = Math.min(CEILING_MS, FIRST_MS * 2 ** (attempt - 1)) * (0.5 + unit / 2)
  const askedMs = retryAfterMs(outcome.retryAfter, nowMs)
  return { kind: 'retry', inMs: Math.round(Math.max(ownMs, askedMs)), detail }
}

function detailOf({ statusCode, error }: Outcome): string {
  if (statusCode === 0) return error
  if (statusCode >= 300 && statusCode < 400)
    return `answered ${statusCode}: redirects are not followed`
  return `answered ${statusCode}`
}

/** RFC 9110, section 10.2.3: seconds, or a date. 0 when it is neither. */
function retryAfterMs(value: string, nowMs: number): number {
  const text = value.trim()
  if (text === '') return 0
  const asked = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return Number.isFinite(asked) ? Math.min(RETRY_AFTER_MS_MAX, Math.max(0, asked)) : 0
}
