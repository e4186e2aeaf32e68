import type { EventSelection } from '#/schemas/reads.ts'
import {
  BUCKET_IN_RANGE,
  filterConditions,
  rangeParams,
  selectionConditions,
} from './conditions.ts'

/** What both rollups by the minute know; `volume_1m` knows kinds of errors, too, and `events_1m` routes. */
const SHARED_FIELDS = ['service', 'environment', 'event_type', 'severity', 'release'] as const
const MINUTES = [
  { table: 'volume_1m', fields: new Set<string>([...SHARED_FIELDS, 'error_type']) },
  { table: 'events_1m', fields: new Set<string>([...SHARED_FIELDS, 'route']) },
] as const

export type MinuteTable = (typeof MINUTES)[number]['table']

/** The smallest rollup by the minute that knows these fields, or null where none does. Only one has sketches. */
export function minutesOf(
  fields: readonly string[],
  asked: 'counts' | 'sketches' = 'counts',
): MinuteTable | null {
  const known = MINUTES.find(
    (one) =>
      (asked === 'counts' || one.table === 'events_1m') &&
      fields.every((field) => one.fields.has(field)),
  )
  return known?.table ?? null
}

const MINUTE_MS = 60_000
/** Below this the events themselves are counted at once. */
const ROLLED_UP_FROM_MS = 30 * MINUTE_MS

const USERS_FIELDS: ReadonlySet<string> = new Set(['environment', 'event_type'])

/** Whether `users_1m` knows users by these fields. */
export function usersKnow(fields: readonly string[]): boolean {
  return fields.every((field) => USERS_FIELDS.has(field))
}

export interface WholeMinutes {
  table: MinuteTable
  /** Conditions on rows of a rollup, of minutes or hours, that lie wholly in the range. */
  rollup: string
  /** Conditions on events of the range before its first and after its last whole minute, and on all between. */
  ends: string
  inside: string
  params: Record<string, unknown>
  from: number
  to: number
}

/**
 * A selection as whole minutes of a rollup and the events at both ends, so that counts are exact. Null where the rollup
 * cannot tell, since words or other fields are asked for, or where the range is short.
 */
export function wholeMinutes(
  selection: EventSelection,
  fields: readonly string[],
): WholeMinutes | null {
  const asked = [...fields, ...selection.filters.map(({ field }) => field)]
  const isLong = selection.to - selection.from >= ROLLED_UP_FROM_MS
  const table = minutesOf(asked)
  if (!isLong || table === null || selection.text !== '') return null
  const from = Math.ceil(selection.from / MINUTE_MS) * MINUTE_MS
  const to = Math.floor(selection.to / MINUTE_MS) * MINUTE_MS
  const { where, params } = filterConditions(selection.filters)
  const raw = selectionConditions(selection)
  return {
    table,
    rollup: `project = {project:String} AND bucket >= toDateTime(intDiv({wholeFrom:Int64}, 1000)) AND bucket < toDateTime(intDiv({wholeTo:Int64}, 1000))${where}`,
    ends: `${raw.where} AND (occurred_at < fromUnixTimestamp64Milli({wholeFrom:Int64}) OR occurred_at >= fromUnixTimestamp64Milli({wholeTo:Int64}))`,
    inside: `${raw.where} AND occurred_at >= fromUnixTimestamp64Milli({wholeFrom:Int64}) AND occurred_at < fromUnixTimestamp64Milli({wholeTo:Int64})`,
    params: { ...raw.params, ...params, wholeFrom: from, wholeTo: to },
    from,
    to,
  }
}

const TEN_SECONDS_FIELDS: ReadonlySet<string> = new Set([
  'service',
  'environment',
  'event_type',
  'severity',
])
/** What arrived three days ago is gone; what happened since two days cannot have arrived before. */
const TEN_SECONDS_KEPT_MS = 2 * 86_400_000

/** Whether counts by ten seconds are there for such steps, fields and times. */
export function hasTenSeconds(
  query: EventSelection & { stepMs: number; groupBy?: string | null },
  nowMs: number,
): boolean {
  const fields = [...query.filters.map(({ field }) => field), query.groupBy ?? 'service']
  return (
    query.stepMs % 10_000 === 0 &&
    query.text === '' &&
    query.from >= nowMs - TEN_SECONDS_KEPT_MS &&
    fields.every((field) => TEN_SECONDS_FIELDS.has(field))
  )
}

/** Rows of `n` events each, for a count that need not be exact: minutes are taken whole, however few they are. */
export function aboutRows(selection: EventSelection): {
  from: string
  params: Record<string, unknown>
} {
  const table = minutesOf(selection.filters.map(({ field }) => field))
  if (table === null || selection.text !== '') {
    const raw = selectionConditions(selection)
    return { from: `(SELECT 1 AS n FROM events WHERE ${raw.where})`, params: raw.params }
  }
  const { where, params } = filterConditions(selection.filters)
  return {
    from: `(SELECT events AS n FROM ${table} WHERE ${BUCKET_IN_RANGE}${where})`,
    params: { ...rangeParams(selection), ...params },
  }
}
