import type { EventSelection } from '#/schemas/reads.ts'
import {
  BUCKET_IN_RANGE,
  filterConditions,
  rangeParams,
  selectionConditions,
} from './conditions.ts'

/** Columns of the rollup by the minute. */
export const MINUTE_FIELDS: ReadonlySet<string> = new Set([
  'service',
  'environment',
  'event_type',
  'severity',
  'release',
  'route',
])
const MINUTE_MS = 60_000
/** Below this the events themselves are counted at once. */
const ROLLED_UP_FROM_MS = 30 * MINUTE_MS

export interface WholeMinutes {
  /** Conditions on rows of a rollup, of minutes or hours, that lie wholly in the range. */
  rollup: string
  /** Conditions on events of the range before its first and after its last whole minute. */
  ends: string
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
  const isKnown = asked.every((field) => MINUTE_FIELDS.has(field))
  if (!isLong || !isKnown || selection.text !== '') return null
  const from = Math.ceil(selection.from / MINUTE_MS) * MINUTE_MS
  const to = Math.floor(selection.to / MINUTE_MS) * MINUTE_MS
  const { where, params } = filterConditions(selection.filters)
  const raw = selectionConditions(selection)
  return {
    rollup: `project = {project:String} AND bucket >= toDateTime(intDiv({wholeFrom:Int64}, 1000)) AND bucket < toDateTime(intDiv({wholeTo:Int64}, 1000))${where}`,
    ends: `${raw.where} AND (occurred_at < fromUnixTimestamp64Milli({wholeFrom:Int64}) OR occurred_at >= fromUnixTimestamp64Milli({wholeTo:Int64}))`,
    params: { ...raw.params, ...params, wholeFrom: from, wholeTo: to },
    from,
    to,
  }
}

/** A bucket of time as each of the two tables writes it; `rollup` is null where its minutes are too wide. */
interface Time {
  rollup: string | null
  raw: string
}

/** A subquery of rows with these columns, `at` with a time, and the number of events `n` each stands for. */
export function countedRows(
  selection: EventSelection,
  columns: readonly string[],
  time?: Time,
): { from: string; params: Record<string, unknown> } {
  const whole = time?.rollup === null ? null : wholeMinutes(selection, columns)
  const keys = [...columns, ...(time === undefined ? [] : ['at'])].join(', ')
  const read = (at: string | null | undefined): string =>
    [...columns, ...(typeof at === 'string' ? [`${at} AS at`] : [])].join(', ')
  if (whole === null) {
    const { where, params } = selectionConditions(selection)
    return { from: `(SELECT ${read(time?.raw)}, 1 AS n FROM events WHERE ${where})`, params }
  }
  return {
    from: `(SELECT ${read(time?.rollup)}, sum(events) AS n FROM events_1m WHERE ${whole.rollup} GROUP BY ${keys}
      UNION ALL SELECT ${read(time?.raw)}, count() AS n FROM events WHERE ${whole.ends} GROUP BY ${keys})`,
    params: whole.params,
  }
}

/** The same for a count that need not be exact: minutes are taken whole, however few they are. */
export function aboutRows(selection: EventSelection): {
  from: string
  params: Record<string, unknown>
} {
  const isKnown = selection.filters.every(({ field }) => MINUTE_FIELDS.has(field))
  if (!isKnown || selection.text !== '') return countedRows(selection, ['event_type'])
  const { where, params } = filterConditions(selection.filters)
  return {
    from: `(SELECT events AS n FROM events_1m WHERE ${BUCKET_IN_RANGE}${where})`,
    params: { ...rangeParams(selection), ...params },
  }
}
