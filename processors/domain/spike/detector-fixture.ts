import type { Random } from '#/kernel/random.ts'
import type { ServiceDetector } from './service-detector.ts'
import type { Detection, DetectorEvent } from './types.ts'

/** A Monday at midnight. */
export const START_MS = Date.UTC(2026, 0, 5)
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000

let eventCount = 0

export function makeEvent(event: Partial<DetectorEvent> & { occurredAtMs: number }): DetectorEvent {
  eventCount += 1
  return {
    eventId: `e${eventCount}`,
    receivedAtMs: event.occurredAtMs + 300,
    type: 'error',
    severity: 3,
    environment: 'prod',
    ...event,
  }
}

/** Poisson arrivals at a rate per minute that may change. */
export function arrivals(
  random: Random,
  span: { fromMs: number; toMs: number; ratePerMin: (atMs: number) => number; rateMax: number },
): number[] {
  const times: number[] = []
  for (let atMs = span.fromMs; ;) {
    atMs += random.exponential(MINUTE_MS / span.rateMax)
    if (atMs >= span.toMs) return times
    if (random.unit() * span.rateMax < span.ratePerMin(atMs)) times.push(Math.floor(atMs))
  }
}

/** Feeds events in order of arrival with a tick every ten seconds until `untilMs`. */
export function feed(
  detector: ServiceDetector,
  events: readonly DetectorEvent[],
  span: { fromMs: number; untilMs: number; tickMs?: number },
): Detection[] {
  const found: Detection[] = []
  const tickMs = span.tickMs ?? 10_000
  const sorted = events.toSorted((a, b) => a.receivedAtMs - b.receivedAtMs)
  let next = span.fromMs + tickMs
  for (const event of sorted) {
    for (; next <= event.receivedAtMs; next += tickMs) found.push(...detector.advance(next))
    found.push(...detector.observe(event))
  }
  for (; next <= span.untilMs; next += tickMs) found.push(...detector.advance(next))
  return found
}

export const ofKind = (found: readonly Detection[], ...kinds: string[]): Detection[] =>
  found.filter((detection) => kinds.includes(detection.kind))
