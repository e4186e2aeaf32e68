import { describe, expect, it } from 'vitest'

import type { SweepPoint, SweepResult, SweepState } from '#lib/contract.ts'

import { curveOf, missedOf, rulesText, sweepCaveat, sweepTitle } from './words.ts'

const point = (value: number, more: Partial<SweepPoint>): SweepPoint => ({
  value,
  rules: { incidents: { openNatsSpike: value } },
  in_force: false,
  incidents: 4,
  pages: 4,
  pages_per_week: 4,
  real_found: 2,
  real_missed: 0,
  noise_found: 1,
  duplicates_found: 0,
  missed: [],
  ...more,
})
const result: SweepResult = {
  setting: 'openNatsSpike',
  page_level: 3,
  from: 0,
  to: 1,
  points: [
    point(8, { pages_per_week: 8 }),
    point(16, { in_force: true }),
    point(32, { pages_per_week: 1, real_found: 1, real_missed: 1 }),
  ],
  labelled: { real: 2, noise: 1, duplicate: 0 },
  not_reproduced: 1,
}
const state: SweepState = {
  running: false,
  phase: 'done',
  project: 'default',
  records: 5,
  total: 9,
  error: '',
  finished_at: 1,
  result,
}

describe('a sweep in words', () => {
  it('[N6] says what holds now, and what else is to be known', () => {
    expect(sweepTitle(state)).toBe('Now 4 pages a week, and 0 of 2 real incidents missed.')
    expect(sweepCaveat(result)).toBe(
      'Labelled: 2 real, 1 noise, 0 duplicates. 1 of them are not found in the telemetry by the rules in force either.',
    )
    expect(missedOf(point(1, { real_found: 0 }))).toBe('no labelled real incident to miss')
    expect(rulesText(result.points[0]!)).toBe('{"incidents":{"openNatsSpike":8}}')
  })

  it('[N6] says when there is nothing, or it is under way, or it failed', () => {
    const none = { ...state, result: null }
    expect(sweepTitle(undefined)).toBe('No threshold was tried yet.')
    expect(sweepTitle({ ...none, running: true })).toBe('A sweep is running: 5 of 9 records.')
    expect(sweepTitle({ ...none, phase: 'failed', error: 'why' })).toBe('It failed: why')
    expect(sweepTitle({ ...none, phase: 'cancelled' })).toBe('The sweep was cancelled.')
  })

  it('[N6] the curve goes from many pages to many missed', () => {
    expect(curveOf(result).map(({ x, y }) => [x, y])).toEqual([
      [0, 100],
      [0, 50],
      [50, 12.5],
    ])
  })
})
