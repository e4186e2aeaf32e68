import { hash } from 'node:crypto'
import { createRecentMap } from './recent-map.ts'
import type { StackFingerprint } from './stack-fingerprint.ts'
import type { Frame } from './stack-frame.ts'
import type { LearnedTemplate } from './template-miner.ts'

export interface GroupInput {
  message?: string
  error_type?: string
  error_code?: string
  route?: string
  environment: string
  /** Only rules look at it: one grouper serves one service. */
  service?: string
  /** Raw stack trace. */
  stack?: string
  /** Structured stack, the frame that threw first. */
  frames?: readonly Frame[]
  /** What the sender groups by itself, as Sentry's SDKs let their users; see fingerprint-sender.ts. */
  sent?: readonly string[]
}

export type GroupMethod = 'rule' | 'sender' | 'code' | 'stack' | 'type_message' | 'message'

export interface Decision {
  fingerprint: string
  announced: string
  /** What the event would be had nothing been merged by learning. */
  own: string
  method: GroupMethod
  reason: string
}

/** All that is known of an event when its group is decided. */
export interface Evidence {
  input: GroupInput
  type: string | undefined
  message: string | undefined
  stack: StackFingerprint | undefined
  learned: LearnedTemplate | undefined
}

const SHOWN_CHARS_MAX = 200

/** SHA-256 of the parts as JSON, 64 lower-case hex characters: no two lists of parts can look alike. */
export function fingerprintOf(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'hex')
}

/** The order: error code and route, stack trace, exception type and message, message. */
export function decide(evidence: Evidence): Decision {
  const { input, stack, type } = evidence
  if (input.error_code && input.route) {
    const { error_code: code, route, environment } = input
    const fingerprint = fingerprintOf([code, route, environment])
    const reason = `Error code ${code} on route ${route} in ${environment}.`
    return { fingerprint, announced: fingerprint, own: fingerprint, method: 'code', reason }
  }
  if (stack !== undefined) {
    const fingerprint = fingerprintOf(['stack', ...stack.parts])
    const which = stack.variant === 'in-app' ? 'in-app frames' : 'frames, none of them in-app,'
    const reason = `${stack.frameCount} ${which} of the stack trace${type ? ` of ${type}` : ''}.`
    return { fingerprint, announced: fingerprint, own: fingerprint, method: 'stack', reason }
  }
  return decideByMessage(evidence)
}

function decideByMessage(evidence: Evidence): Decision {
  const { learned, type } = evidence
  const discriminator = discriminatorOf(evidence)
  const fingerprint = messageFingerprint(learned?.id ?? '', discriminator)
  const isSame = learned === undefined || learned.id === learned.announced
  const announced = isSame ? fingerprint : messageFingerprint(learned.announced, discriminator)
  const own =
    learned === undefined || learned.own === learned.id
      ? fingerprint
      : messageFingerprint(learned.own, discriminator)
  const shown =
    learned === undefined ? 'no message' : `message template ${shorten(learned.template)}`
  if (type)
    return {
      fingerprint,
      announced,
      own,
      method: 'type_message',
      reason: `Exception type ${type} and ${shown}.`,
    }
  return { fingerprint, announced, own, method: 'message', reason: `Only the ${shown}.` }
}

function shorten(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text)
}

/**
 * What parts one template into several groups: the exception's type, and an HTTP status the template
 * masks, since a 404 and a 500 are never one problem.
 */
export function discriminatorOf({ type = '', message, learned }: Evidence): string {
  const status =
    message !== undefined && learned?.params.some(isErrorStatus) ? httpStatusIn(message) : undefined
  return JSON.stringify(status === undefined ? [type] : [type, status])
}

function isErrorStatus({ value }: { value: string }): boolean {
  return value.length === 3 && value >= '400' && value <= '599'
}

const STATUS_CHARS_MAX = 512
// Also `"status":404`, `status_code=404` and the status behind a request line.
const STATUS =
  /\b(?:status|status[ _]?code|http|http error|response[ _]code|http\/\d(?:\.\d)?)"?[ :=]{1,3}"?([45]\d\d)\b/iu

function httpStatusIn(message: string): string | undefined {
  return STATUS.exec(message.slice(0, STATUS_CHARS_MAX))?.[1]
}

const issued = createRecentMap<string, string>(1024)

export function messageFingerprint(template: string, discriminator: string): string {
  const key = template + discriminator
  let fingerprint = issued.get(key)
  if (fingerprint === undefined) {
    fingerprint = fingerprintOf(['message', template, discriminator])
    issued.set(key, fingerprint)
  }
  return fingerprint
}
