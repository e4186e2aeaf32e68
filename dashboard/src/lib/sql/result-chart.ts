/** What of a result can be drawn: numbers over time, or numbers by name. Pure. */
import { seriesModel, type ChartModel } from '#lib/chart/model.ts'
import type { SeriesPoint, SqlView } from '#lib/contract.ts'
import { cellText, isNumeric } from '#lib/sql/cells.ts'

export type ResultChart =
  | { kind: 'time'; model: ChartModel }
  | { kind: 'bars'; title: string; bars: readonly { name: string; value: number }[] }

const BARS_MAX = 40
const BUCKETS_MAX = 360
const STEPS_MS = [
  1000, 10_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 86_400_000,
] as const

const isTime = (type: string): boolean => /^(?:Nullable\()?Date/.test(type)

/** `2026-01-01 02:03:04.567` is UTC, as all times of the store. */
const timeOf = (value: unknown): number =>
  typeof value === 'string'
    ? Date.parse(value.length > 10 ? `${value.replace(' ', 'T')}Z` : value)
    : Number.NaN

/** Null when there is nothing to draw. Bars show the column named `drawn`, or the last with numbers. */
export function resultChart(
  { columns, rows }: Pick<SqlView, 'columns' | 'rows'>,
  drawn?: string,
): ResultChart | null {
  const numbers = columns.flatMap((column, index) => (isNumeric(column.type) ? [index] : []))
  const time = columns.findIndex((column) => isTime(column.type))
  const name = columns.findIndex((column, index) => index !== time && !isNumeric(column.type))
  const value = numbers.find((index) => columns[index]?.name === drawn) ?? numbers.at(-1)
  if (rows.length === 0 || value === undefined) return null
  if (time < 0) {
    if (name < 0) return null
    const bars = rows.slice(0, BARS_MAX).map((row) => ({
      name: cellText(row[name]),
      value: Number(row[value]),
    }))
    return { kind: 'bars', title: columns[value]?.name ?? '', bars }
  }
  const points: SeriesPoint[] = rows.flatMap((row) => {
    const at = timeOf(row[time])
    if (!Number.isFinite(at)) return []
    if (name >= 0) return [{ at, series: cellText(row[name]), value: Number(row[value]) }]
    return numbers.map((index) => ({
      at,
      series: columns[index]?.name ?? '',
      value: Number(row[index]),
    }))
  })
  const times = [...new Set(points.map((point) => point.at))].toSorted((a, b) => a - b)
  const [first, last] = [times[0], times.at(-1)]
  if (first === undefined || last === undefined || first === last) return null
  const gap = Math.min(...times.slice(1).map((at, index) => at - (times[index] ?? 0)))
  const widest = Math.max(gap, (last - first) / BUCKETS_MAX)
  const stepMs = STEPS_MS.find((step) => step >= widest) ?? 86_400_000
  const range = { from: first, to: last + stepMs, stepMs }
  return { kind: 'time', model: seriesModel(points, range, { stacked: false }) }
}
