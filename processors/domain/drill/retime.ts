import type { Event } from '#/schemas/records.ts'
import type { DrillPlan } from './plan.ts'

/** The clock of a drill: `plan.fromMs` of the record is `startedMs`, and from there it passes `speed` times faster. */
export interface DrillClock {
  /** When a recorded moment is due. Keeps the order of moments. */
  dueAt(recordedMs: number): number
  /** The same event as it comes again: what happened late is late again, and a made-up id stays what it was. */
  event(event: Event): Event
  /** The same for the past: it came before anything is played. */
  pastEvent(event: Event): Event
}

export function drillClock(
  { speed, fromMs }: Pick<DrillPlan, 'speed' | 'fromMs'>,
  startedMs: number,
): DrillClock {
  const dueAt = (recordedMs: number): number =>
    startedMs + Math.floor((recordedMs - fromMs) / speed)
  const at = (event: Event, receivedMs: number): Event => ({
    ...event,
    occurred_at: dueAt(event.occurred_at),
    received_at: receivedMs,
  })
  return {
    dueAt,
    event: (event) => at(event, dueAt(event.received_at)),
    pastEvent: (event) => at(event, Math.min(dueAt(event.received_at), startedMs - 1)),
  }
}
