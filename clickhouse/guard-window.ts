/** What a query of a detector is held to, so that asking later about the same window gives the same answer. */

/** A stretch of event time; what arrived too late for it is not there. */
export interface SqlWindow {
  fromMs: number
  toMs: number
  arrivedBeforeMs: number
}

/** The one table whose rows have both times. */
export const WINDOW_TABLE = 'events'
/** Senders whose clock goes ahead by more than this have no place in a window. Lets whole days of arrival be left out. */
const AHEAD_MS = 3_600_000

/** The clock, chance, and what depends on the order in which blocks are read. */
const UNSTEADY: ReadonlySet<string> = new Set(
  `now now64 today yesterday curdate current_date current_timestamp utctimestamp rand rand64 randcanonical randuniform
  uptime rownumberinallblocks rownumberinblock runningdifference`.split(/\s+/),
)

export function isUnsteady(name: string): boolean {
  return UNSTEADY.has(name.toLowerCase())
}

export function windowConditions({ fromMs, toMs, arrivedBeforeMs }: SqlWindow): string[] {
  return [
    `occurred_at >= ${time(fromMs)}`,
    `occurred_at < ${time(toMs)}`,
    `received_at >= ${time(fromMs - AHEAD_MS)}`,
    `received_at < ${time(arrivedBeforeMs)}`,
  ]
}

function time(ms: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${Math.trunc(ms)}))`
}
