/** SVG paths for the first paint: small enough to be part of the HTML. Pure. */
import { layerTops, type ChartModel, type Tone } from '#lib/chart/model.ts'

/** Height of the drawing in its own units; whole numbers keep the text short. */
export const PATH_HEIGHT = 200

export interface LayerPath {
  key: string
  tone: Tone
  d: string
}

/** A staircase: over each bucket its value. Closed down to the zero line, or left open for a mere line. */
function staircase(values: readonly number[], max: number, closed: boolean): string {
  const scale = (value: number): number =>
    PATH_HEIGHT - Math.round((Math.max(0, value) / max) * PATH_HEIGHT)
  let y = Number.NaN
  let d = ''
  let run = 0
  for (const [index, value] of values.entries()) {
    const next = scale(value)
    if (!Object.is(next, y)) {
      if (run > 0 && !Number.isNaN(y)) d += `h${run}`
      // Nothing was measured: the line ends, and begins anew where something is.
      if (!Number.isNaN(next)) d += Number.isNaN(y) ? `M${index} ${next}` : `v${next - y}`
      run = 0
      y = next
    }
    run += 1
  }
  if (!Number.isNaN(y)) d += `h${run}`
  return closed ? `${d}V${PATH_HEIGHT}H0z` : d
}

/** One path a layer, in painting order: the topmost first, each covering the one before it. */
export function layerPaths(model: ChartModel, max: number): readonly LayerPath[] {
  const tops = layerTops(model)
  const paths = model.series.map((series, index) => ({
    key: series.key,
    tone: series.tone,
    d: staircase(tops[index] ?? [], Math.max(max, 1e-9), model.stacked),
  }))
  return model.stacked ? paths.toReversed() : paths
}

/** Bars of a sparkline in a box of `3·n` by 20; a value above zero is never invisible. */
export function sparkPath(values: readonly number[]): string {
  const max = Math.max(1, ...values)
  return values
    .map((value, index) => {
      const height = value <= 0 ? 1 : Math.max(2, Math.round((value / max) * 20))
      return `M${index * 3} 20v-${height}h2v${height}z`
    })
    .join('')
}

/** Fits a series to `count` bars by taking the largest of each part, so that a peak stays visible. */
export function fitBars(values: readonly number[], count: number): readonly number[] {
  if (values.length <= count) return values
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * values.length) / count)
    const to = Math.floor(((index + 1) * values.length) / count)
    return Math.max(...values.slice(from, Math.max(to, from + 1)))
  })
}
