import { describe, expect, it } from 'vitest'

import type { DetectorBacktest, DetectorView } from '#lib/contract.ts'

import { barsOf, caveatOf, kpisOf, titleOf } from './words.ts'

const spec = {
  sql: 'SELECT count() AS value FROM events',
  window_min: 5,
  sign: '>=' as const,
  value: 10,
  in_a_row: 1,
  usual: null,
  effect: 'alert' as const,
  service: '',
  environment: 'prod',
}
const firing = {
  at: 600_000,
  started_at: 300_000,
  ended_at: 900_000,
  service: 'pay',
  environment: 'prod',
  name: '',
  value: 20,
  usual: null,
  peak: 20,
  sentence: 's',
  incident: null,
}
const backtest: DetectorBacktest = {
  id: 'a',
  spec,
  at: 0,
  actor: 'ann',
  from: 0,
  to: 86_400_000,
  windows: 288,
  windows_failed: 0,
  problem: '',
  events: 100,
  firings: [firing],
  firings_total: 1,
  per_day: 1,
  incidents: 3,
  incidents_met: 1,
  firings_met: 1,
  warned: { within_min: 30, hits: 0, during: 0, precision: null, lead_min: null },
  series: [
    { at: 300_000, value: 1 },
    { at: 600_000, value: 20 },
    { at: 900_000, value: 9 },
    { at: 1_200_000, value: 9 },
  ],
}

describe('a back-test in words and bars', () => {
  it('[N5] tells firings a day, overlap, and what else is to be known', () => {
    const values = kpisOf(backtest).map(({ label, value }) => `${label}: ${value}`)
    expect(values).toEqual([
      'Fires a day: 1',
      'With an incident: 1 of 1',
      'Incidents met: 1 of 3',
      'Precision as a warning: –',
      'Lead: –',
    ])
    expect(caveatOf(backtest)).toBe('')
    const poor = { ...backtest, events: 0, incidents: 0, windows_failed: 2, problem: 'too heavy' }
    expect(caveatOf(poor)).toBe(
      'There are no events in this time: it says nothing. No incident is known in this time. 2 windows failed: too heavy',
    )
  })

  it('[C18] shows how often a warning was right, and how early', () => {
    const warned = { within_min: 30, hits: 2, during: 1, precision: 0.25, lead_min: 4.5 }
    expect(kpisOf({ ...backtest, warned }).map(({ value }) => value)).toEqual(
      expect.arrayContaining(['25 %', '4.5 min']),
    )
  })

  it('[N5] draws the windows it fires in, and the bound', () => {
    const { bars, bound } = barsOf(backtest)
    expect(bars.map(({ fires }) => fires)).toEqual([false, true, true, false])
    expect([bars[1]!.height, bound]).toEqual([96, 48])
    expect(barsOf({ ...backtest, series: [] }).bars).toEqual([])
  })

  it('[N5] says how many are on', () => {
    const view = { active: true } as DetectorView
    expect(titleOf([view, { ...view, active: false }])).toBe('1 detector is on, 1 off.')
    expect(titleOf([{ ...view, active: false }])).toBe('No detector is on; 1 is off.')
  })
})
