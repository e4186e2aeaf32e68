import { page } from '$app/state'

import { clientError, envelopeOf } from '#lib/report/envelope.ts'
import { wallClock } from '#lib/time/now.ts'

/** Of one page; a loop of errors says no more with the eleventh. */
const REPORTS_MAX = 10

const told = new Set<string>()
let address: Promise<string | null> | undefined

/** Sends an error of this page to the platform's own project, each once. */
export async function reportError(thrown: unknown): Promise<void> {
  const error = clientError(thrown, location.origin)
  if (error === null) return
  const key = `${error.type} ${error.message} ${error.frames.at(-1)?.lineno ?? ''}`
  if (told.has(key) || told.size >= REPORTS_MAX) return
  told.add(key)
  const target = await (address ??= findAddress())
  if (target === null) return
  const body = envelopeOf(error, {
    origin: location.origin,
    url: location.origin + location.pathname,
    route: page.route.id ?? location.pathname,
    agent: navigator.userAgent,
    nowMs: wallClock(),
    id: eventId(),
  })
  // The address proves itself by its key; who is signed in has nothing to do with it.
  await fetch(target, { method: 'POST', body, keepalive: true, credentials: 'omit' })
}

/** `randomUUID` is only there on secure origins. */
function eventId(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))]
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Where this platform takes the errors of its own pages; null where it does not. */
async function findAddress(): Promise<string | null> {
  const answer = await fetch('/api/projects/faultline/dsn')
  if (!answer.ok) return null
  const { project_number: number, public_key: key } = (await answer.json()) as Record<
    string,
    string
  >
  return `/api/${number}/envelope/?sentry_key=${key}`
}
