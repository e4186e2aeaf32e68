import type { DetectorBacktest, DetectorView } from '#lib/contract.ts'
import { counted, grouped, percent } from '#lib/format.ts'
import type { Kpi } from '#lib/ui/KpiStrip.svelte'

/** What the page is about, in a sentence. */
export function titleOf(items: readonly DetectorView[]): string {
  const on = items.filter(({ active }) => active).length
  const off = items.length - on
  if (on === 0) return `No detector is on; ${counted(off, 'is', 'are')} off.`
  return `${counted(on, 'detector is', 'detectors are')} on, ${grouped(off)} off.`
}

export function kpisOf(backtest: DetectorBacktest): Kpi[] {
  const { warned } = backtest
  return [
    {
      label: 'Fires a day',
      value: String(backtest.per_day),
      note: `${grouped(backtest.firings_total)} times in ${counted(backtest.windows, 'window')}`,
    },
    {
      label: 'With an incident',
      value: `${grouped(backtest.firings_met)} of ${grouped(backtest.firings_total)}`,
      note: 'firings that overlap with a known one',
    },
    {
      label: 'Incidents met',
      value: `${grouped(backtest.incidents_met)} of ${grouped(backtest.incidents)}`,
      note: 'that were open in this time',
    },
    {
      label: 'Precision as a warning',
      value: percent(warned.precision),
      note: `followed by an incident within ${warned.within_min} min`,
    },
    {
      label: 'Lead',
      value: warned.lead_min === null ? '–' : `${warned.lead_min} min`,
      note: 'median, from the warning to the opening',
    },
  ]
}

/** What has to be known beside the numbers; empty when there is nothing. */
export function caveatOf(backtest: DetectorBacktest): string {
  const parts = [
    ...(backtest.events === 0 ? ['There are no events in this time: it says nothing.'] : []),
    ...(backtest.incidents === 0 ? ['No incident is known in this time.'] : []),
    ...(backtest.warned.during === 0
      ? []
      : [
          `${counted(backtest.warned.during, 'firing')} came while an incident of the service was open: no early warning.`,
        ]),
    ...(backtest.windows_failed === 0
      ? []
      : [`${counted(backtest.windows_failed, 'window')} failed: ${backtest.problem}`]),
  ]
  return parts.join(' ')
}

export interface Bar {
  x: number
  height: number
  fires: boolean
}

/** Bars of a chart that is a hundred high, and where its bound lies. */
export function barsOf({ series, firings, spec }: DetectorBacktest): {
  bars: Bar[]
  bound: number
} {
  const top = Math.max(spec.value, ...series.map(({ value }) => value), 1e-9)
  const scale = (value: number): number => (Math.max(0, value) / top) * 96
  const spans = firings.map(({ started_at: from, at, ended_at: end }) => [from, end ?? at] as const)
  const bars = series.map(({ at, value }, x) => ({
    x,
    height: scale(value),
    fires: spans.some(([from, to]) => at > from && at <= to),
  }))
  return { bars, bound: scale(spec.value) }
}
