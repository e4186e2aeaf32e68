/** What the cursor of a chart says and selects. Pure. */
import type { ChartModel } from '#lib/chart/model.ts'
import { compact } from '#lib/format.ts'
import { clockSeconds, clockTime, dayMonth } from '#lib/time/format.ts'

export const bucketAt = (model: ChartModel, share: number): number =>
  Math.min(model.count - 1, Math.max(0, Math.floor(share * model.count)))

/** The bucket that a time lies in; null outside of the chart. */
export function indexOf(model: ChartModel, at: number): number | null {
  const index = Math.floor((at - model.from) / model.stepMs)
  return index >= 0 && index < model.count ? index : null
}

export interface SelectedRange {
  from: number
  to: number
}

export function bucketTime(model: ChartModel, index: number): string {
  const at = model.from + index * model.stepMs
  const time = model.stepMs < 60_000 ? clockSeconds(at) : clockTime(at)
  return model.count * model.stepMs > 86_400_000 ? `${dayMonth(at)} ${time}` : time
}

/** `02:19:10 · 28 fatal · 4 error`: what was counted in the bucket, empty series left out. */
export function bucketSentence(model: ChartModel, index: number, unit: string): string {
  const parts = model.series.flatMap((series) => {
    const value = series.values[index] || 0
    return value === 0 ? [] : [`${compact(value)}${unit} ${series.name}`]
  })
  return `${bucketTime(model, index)} · ${parts.length === 0 ? 'nothing' : parts.join(' · ')}`
}

/** The buckets between two places of the pointer, as a time range; null for a mere click. */
export function selectedRange(
  model: ChartModel,
  shares: { start: number; end: number },
): SelectedRange | null {
  const first = bucketAt(model, Math.min(shares.start, shares.end))
  const last = bucketAt(model, Math.max(shares.start, shares.end))
  if (Math.abs(shares.end - shares.start) < 0.012) return null
  return { from: model.from + first * model.stepMs, to: model.from + (last + 1) * model.stepMs }
}
