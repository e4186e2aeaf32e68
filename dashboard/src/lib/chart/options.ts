/** What ECharts is told: only the series. Axes, markers and cursor are HTML and SVG around it. Pure. */
import type { ChartModel, Tone } from '#lib/chart/model.ts'

/** Colours as the browser computed them from the tokens. */
export interface ToneColours {
  line: string
  fill: string
}

export type Palette = Readonly<Partial<Record<Tone, ToneColours>>>

export type ChartOptions = {
  animation: false
  grid: { left: 0; right: 0; top: 0; bottom: 0; containLabel: false }
  xAxis: { type: 'value'; show: false; min: number; max: number }
  yAxis: { type: 'value'; show: false; min: 0; max: number }
  dataset: { source: Float64Array[]; sourceHeader: false; dimensions: string[] }
  series: object[]
}

/**
 * Columns as typed arrays: one of times and one per series, each with one more row than there are buckets,
 * so that the last step is as wide as the others.
 */
export function columns(model: ChartModel): Float64Array[] {
  const times = Float64Array.from(
    { length: model.count + 1 },
    (_, i) => model.from + i * model.stepMs,
  )
  const values = model.series.map((series) =>
    Float64Array.from(
      { length: model.count + 1 },
      (_, i) => series.values[Math.min(i, model.count - 1)] ?? Number.NaN,
    ),
  )
  return [times, ...values]
}

export function chartOptions(model: ChartModel, max: number, palette: Palette): ChartOptions {
  const names = model.series.map((series) => series.key)
  return {
    animation: false,
    grid: { left: 0, right: 0, top: 0, bottom: 0, containLabel: false },
    xAxis: {
      type: 'value',
      show: false,
      min: model.from,
      max: model.from + model.count * model.stepMs,
    },
    yAxis: { type: 'value', show: false, min: 0, max },
    dataset: { source: columns(model), sourceHeader: false, dimensions: ['at', ...names] },
    series: model.series.map((series, index) => ({
      id: series.key,
      name: series.name,
      type: 'line',
      step: 'end',
      seriesLayoutBy: 'row',
      encode: { x: 'at', y: series.key },
      showSymbol: false,
      silent: true,
      // The worst layer is painted last: its line stays whole where layers touch.
      z: 10 - index,
      lineStyle: { width: 1.25, color: palette[series.tone]?.line ?? 'currentColor' },
      ...(model.stacked
        ? {
            stack: 'all',
            areaStyle: { color: palette[series.tone]?.fill ?? 'currentColor', opacity: 1 },
          }
        : {}),
    })),
  }
}
