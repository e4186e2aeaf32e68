/** From points of the API to a grid of numbers a chart can draw. Pure. */
import type { SeriesPoint } from '#lib/contract.ts'
import { LEVELS, eventLevel, eventName, eventSeverity, type Level } from '#lib/severity.ts'

/** A colour is a token of tokens.css without its dashes: `sev-high`, `accent`. */
export type Tone = `sev-${Level}` | 'accent' | 'ink-2'

export interface ChartSeries {
  key: string
  name: string
  tone: Tone
  /** One value per bucket; NaN where nothing was measured, which is not the same as nought. */
  values: readonly number[]
}

export interface ChartModel {
  /** Start of the first bucket. */
  from: number
  stepMs: number
  count: number
  /** Bottom of the stack first. */
  series: readonly ChartSeries[]
  stacked: boolean
  /** Series that are not drawn, the smallest ones, because lines that many say nothing. */
  hidden?: number
}

export interface ModelRange {
  from: number
  to: number
  stepMs: number
}

/** Neighbours differ in hue; grey is kept for the rest. */
const TONES: readonly Tone[] = ['accent', 'sev-high', 'sev-info', 'sev-medium', 'sev-low', 'ink-2']
/** Past this many series a chart says nothing; the smallest are summed up. */
const SERIES_MAX = 6
const OTHER = 'other'
/** Series that mean the same everywhere look the same everywhere. */
const TONE_OF: Readonly<Record<string, Tone>> = {
  errors: 'sev-high',
  requests: 'sev-low',
  [OTHER]: 'ink-2',
}

interface Grid {
  from: number
  stepMs: number
  count: number
  rows: Map<string, number[]>
}

/** Sums points into buckets of `stepMs`, from `empty` on; points outside of the range are left out. */
export function toGrid(points: readonly SeriesPoint[], range: ModelRange, empty = 0): Grid {
  const from = Math.floor(range.from / range.stepMs) * range.stepMs
  const count = Math.max(1, Math.min(2000, Math.ceil((range.to - from) / range.stepMs)))
  const rows = new Map<string, number[]>()
  for (const point of points) {
    const index = Math.floor((point.at - from) / range.stepMs)
    if (index < 0 || index >= count || !Number.isFinite(point.value)) continue
    let row = rows.get(point.series)
    if (row === undefined) {
      row = Array.from({ length: count }, () => empty)
      rows.set(point.series, row)
    }
    row[index] = (row[index] || 0) + point.value
  }
  return { from, stepMs: range.stepMs, count, rows }
}

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0)

function added(left: readonly number[], right: readonly number[]): number[] {
  return left.map((value, index) => value + (right[index] ?? 0))
}

/** Events by severity: always the five levels in the same order, the worst at the bottom. */
export function severityModel(points: readonly SeriesPoint[], range: ModelRange): ChartModel {
  const { from, stepMs, count, rows } = toGrid(points, range)
  const sums = new Map<Level, number[]>(LEVELS.map((level) => [level, zeros(count)]))
  for (const [name, row] of rows) {
    const severity = eventSeverity(name)
    if (severity === null) continue
    const level = eventLevel(severity)
    sums.set(level, added(sums.get(level) ?? zeros(count), row))
  }
  const series = LEVELS.map((level, index) => ({
    key: level,
    name: eventName(5 - index),
    tone: `sev-${level}` as const,
    values: sums.get(level) ?? zeros(count),
  }))
  return { from, stepMs, count, series, stacked: true }
}

const total = (row: readonly number[]): number => row.reduce((sum, value) => sum + (value || 0), 0)

/**
 * Any other split (services, status classes, quantiles): the largest series first. `gaps`: a bucket without a point was
 * not measured, as a latency without a request; otherwise nothing was counted in it.
 */
export function seriesModel(
  points: readonly SeriesPoint[],
  range: ModelRange,
  { stacked, gaps = false }: { stacked: boolean; gaps?: boolean },
): ChartModel {
  const { from, stepMs, count, rows } = toGrid(points, range, gaps ? Number.NaN : 0)
  // The API sums up the smallest itself, under the same name.
  const named = [...rows].filter(([name]) => name !== OTHER)
  const ranked = named.toSorted((a, b) => total(b[1]) - total(a[1]) || a[0].localeCompare(b[0]))
  const hasRest = stacked && (ranked.length > SERIES_MAX || rows.has(OTHER))
  const shown = ranked.slice(0, hasRest ? SERIES_MAX - 1 : SERIES_MAX)
  const rest = [
    ...ranked.slice(shown.length).map(([, row]) => row),
    ...(rows.has(OTHER) ? [rows.get(OTHER) ?? []] : []),
  ]
  if (rest.length > 0 && stacked) shown.push([OTHER, rest.reduce(added)])
  const series = shown.map(([name, values], index) => ({
    key: name,
    name: name.replace(/^latency_/, ''),
    tone: TONE_OF[name] ?? TONES[index] ?? 'ink-2',
    values,
  }))
  const hidden = stacked ? 0 : rest.length
  return { from, stepMs, count, series, stacked, ...(hidden === 0 ? {} : { hidden }) }
}

/** Severities as severities, anything else as it comes. */
export function anyModel(points: readonly SeriesPoint[], range: ModelRange): ChartModel {
  const isSeverity = points.every((point) => eventSeverity(point.series) !== null)
  return isSeverity ? severityModel(points, range) : seriesModel(points, range, { stacked: true })
}

/** The highest top there is, 0 without one: what the axis must reach. */
export const highest = (model: ChartModel): number =>
  layerTops(model)
    .flat()
    .reduce((top, value) => (value > top ? value : top), 0)

/** Tops of the layers: for a stack the running sums, otherwise the values themselves. */
export function layerTops(model: ChartModel): readonly (readonly number[])[] {
  if (!model.stacked) return model.series.map((series) => series.values)
  let below: readonly number[] = zeros(model.count)
  return model.series.map((series) => {
    below = added(series.values, below)
    return below
  })
}

/** Merges neighbouring buckets (by their mean) until at most `countMax` are left, for the first paint. */
export function coarser(model: ChartModel, countMax: number): ChartModel {
  const factor = Math.ceil(model.count / countMax)
  if (factor <= 1) return model
  const count = Math.ceil(model.count / factor)
  const mean = (values: readonly number[]): number[] =>
    Array.from({ length: count }, (_, index) => {
      const part = values
        .slice(index * factor, (index + 1) * factor)
        .filter((value) => !Number.isNaN(value))
      if (part.length === 0) return Number.NaN
      return part.reduce((sum, value) => sum + value, 0) / part.length
    })
  const series = model.series.map((one) => ({ ...one, values: mean(one.values) }))
  return { ...model, stepMs: model.stepMs * factor, count, series }
}
