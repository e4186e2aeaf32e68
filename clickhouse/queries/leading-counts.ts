import type { SeriesName } from '#/schemas/reads.ts'

/** How a counted metric comes out of two sums over the rows of a group, `n` and `failed`. */
const VALUES: Partial<Record<SeriesName, string>> = {
  events: 'sum(n)',
  errors: 'sum(n)',
  requests: 'sum(n)',
  signups: 'sum(n)',
  error_rate: 'sum(failed) / greatest(sum(n), 1)',
}

/** Values of these are few beside the events that have them: a count of each by time fits into memory. */
const FEW: ReadonlySet<string> = new Set([
  'event_type',
  'severity',
  'service',
  'environment',
  'release',
  'host',
  'error_type',
  'error_code',
  'route',
  'method',
  'status_code',
  'fingerprint',
])

interface Counted {
  metric: SeriesName
  groupBy: string
  table: string
  where: string
  /** A bucket of time. */
  at: string
}

/**
 * The series of the largest values and one of all others, where sums are enough: the rows are read once, and which
 * values are the largest is told from what was counted. Null where only a second look at the rows can tell.
 */
export function leadingCounts({ metric, groupBy, table, where, at }: Counted): string | null {
  const value = VALUES[metric]
  if (value === undefined || !FEW.has(groupBy)) return null
  const isRaw = table === 'events'
  const failed = isRaw ? 'countIf(status_code >= 500)' : 'sum(failures)'
  const sums = [
    `${isRaw ? 'count()' : 'sum(events)'} AS n`,
    `${metric === 'error_rate' ? failed : '0'} AS failed`,
  ].join(', ')
  return `SELECT at, if(place <= {limit:UInt32}, name, 'other') AS series, ${value} AS value FROM (
      SELECT name, points, row_number() OVER (ORDER BY weight DESC, name) AS place FROM (
        SELECT toString(key) AS name, groupArray((at, n, failed)) AS points, sum(n) AS weight FROM (
          SELECT ${groupBy} AS key, ${at} AS at, ${sums} FROM ${table} WHERE ${where} GROUP BY key, at)
        GROUP BY name))
    ARRAY JOIN points.1 AS at, points.2 AS n, points.3 AS failed
    GROUP BY at, series ORDER BY at, series`
}
