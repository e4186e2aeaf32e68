/** Where a service stands in event time. Plain data. */
export interface ServiceClock {
  /** Largest (occurred − received) of any event, at most 0; null before the first. */
  offsetMs: number | null
  /** Latest arrival or tick. */
  arrivalMs: number
  /** Event time reached; never goes back. */
  nowMs: number
}

export const createServiceClock = (): ServiceClock => ({
  offsetMs: null,
  arrivalMs: 0,
  nowMs: 0,
})

/** Events that claim to be further in the future than this have a broken clock. */
export const FUTURE_MS_MAX = 300_000

/**
 * An event that occurred d ms before it arrived shows that event time has come within d of the wall clock.
 * The best such d counts, so imported history moves through its own time and one laggard changes nothing.
 * Nothing occurs after its arrival: events of the future never move the clock beyond it.
 */
export function noteArrival(
  clock: ServiceClock,
  event: { occurredAtMs: number; receivedAtMs: number },
): void {
  const offsetMs = Math.min(0, event.occurredAtMs - event.receivedAtMs)
  const inFuture = event.occurredAtMs - event.receivedAtMs > FUTURE_MS_MAX
  if (!inFuture && (clock.offsetMs === null || offsetMs > clock.offsetMs)) {
    clock.offsetMs = offsetMs
  }
  noteTick(clock, event.receivedAtMs)
}

/** Moves the clock with a recorded tick; before the first event there is no event time to move. */
export function noteTick(clock: ServiceClock, wallMs: number): void {
  clock.arrivalMs = Math.max(clock.arrivalMs, wallMs)
  if (clock.offsetMs === null) return
  clock.nowMs = Math.max(clock.nowMs, clock.arrivalMs + clock.offsetMs)
}
