/** The way of one user, session, request or trace across services. Pure. */
import type { EventView } from '#lib/contract.ts'
import type { Params } from '#lib/time/range.ts'

export const JOURNEY_KINDS = ['user_id', 'session_id', 'request_id', 'trace_id'] as const
export type JourneyKind = (typeof JOURNEY_KINDS)[number]
export const JOURNEY_NAMES: Readonly<Record<JourneyKind, string>> = {
  user_id: 'User',
  session_id: 'Session',
  request_id: 'Request',
  trace_id: 'Trace',
}

export interface Traveller {
  kind: JourneyKind
  id: string
}

/** Whom the address asks for: `?user_id=u1`, or the form's `?kind=user_id&id=u1`. */
export function readTraveller(params: Params): Traveller | null {
  for (const kind of JOURNEY_KINDS) {
    const id = (params.get(kind) ?? '').trim()
    if (id !== '') return { kind, id: id.slice(0, 200) }
  }
  const kind = JOURNEY_KINDS.find((one) => one === params.get('kind'))
  const id = (params.get('id') ?? '').trim()
  return kind === undefined || id === '' ? null : { kind, id: id.slice(0, 200) }
}

export interface Step {
  event: EventView
  /** Milliseconds since the first step. */
  after: number
  /** Since the step before; a long wait is worth seeing. */
  gap: number
}

export interface Journey {
  steps: readonly Step[]
  /** In the order in which they were met. */
  services: readonly string[]
  errors: number
  lengthMs: number
}

export function journeyOf(events: readonly EventView[]): Journey {
  const sorted = events.toSorted((a, b) => a.occurred_at - b.occurred_at)
  const start = sorted[0]?.occurred_at ?? 0
  const steps = sorted.map((event, index) => ({
    event,
    after: event.occurred_at - start,
    gap: event.occurred_at - (sorted[index - 1]?.occurred_at ?? start),
  }))
  return {
    steps,
    services: [...new Set(sorted.map((event) => event.service))],
    errors: sorted.filter((event) => event.severity >= 4).length,
    lengthMs: steps.at(-1)?.after ?? 0,
  }
}
