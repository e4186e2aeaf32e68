import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { Frame, IncidentRow } from '#lib/contract.ts'
import { addCells, byRank, patchIncidents, RateMeter } from '#lib/live/frames.ts'

const frame = (cells: Frame['cells']): Frame => ({
  seq: '1',
  at: 0,
  cells,
  incidents: [],
  events: [],
  deploys: [],
  count: 0,
})

const row = (id: string, more: Partial<IncidentRow> = {}): IncidentRow => ({
  id,
  number: 1,
  project: 'default',
  status: 'open',
  title: id,
  severity: 2,
  severity_score: 50,
  opened_at: 0,
  updated_at: 0,
  resolved_at: null,
  services: [],
  fingerprints: [],
  events: 0,
  users: 0,
  root: '',
  suspect_deploy: '',
  regressed: false,
  flapping: false,
  silenced: false,
  ...more,
})

it('the worst level comes first, also one that is held while its score is lower', () => {
  const held = row('held', { severity: 1, severity_score: 39 })
  const higher = row('higher', { severity: 2, severity_score: 53 })
  expect([higher, held].toSorted(byRank).map(({ id }) => id)).toEqual(['held', 'higher'])
})

describe('cells', () => {
  const range = { from: 10_000, stepMs: 10_000 }

  it('add to the bucket they fall into', () => {
    const points = [{ at: 10_000, series: '4', value: 3 }]
    expect(addCells(points, [frame([[12_000, 4, 2]])], range)).toEqual([
      { at: 10_000, series: '4', value: 5 },
    ])
  })

  it('open buckets that were not there, and those left of the range go', () => {
    const points = [{ at: 0, series: '4', value: 9 }]
    expect(
      addCells(
        points,
        [
          frame([
            [20_000, 5, 1],
            [5000, 5, 7],
          ]),
        ],
        range,
      ),
    ).toEqual([{ at: 20_000, series: '5', value: 1 }])
  })

  it('change nothing when there are none: the same list, so that nothing is painted again', () => {
    const points = [{ at: 0, series: '4', value: 9 }]
    expect(addCells(points, [frame([])], range)).toBe(points)
  })

  it('sum up to the same, however they are split into frames', () => {
    const cell = fc.tuple(
      fc.integer({ min: 10_000, max: 90_000 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 9 }),
    )
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 30 }), (cells) => {
        const total = (points: ReturnType<typeof addCells>): number =>
          points.reduce((sum, point) => sum + point.value, 0)
        const atOnce = addCells([], [frame(cells)], range)
        const oneByOne = cells.reduce(
          (points, one) => addCells(points, [frame([one])], range),
          addCells([], [], range),
        )
        expect(total(atOnce)).toBe(cells.reduce((sum, [, , count]) => sum + count, 0))
        expect(total(oneByOne)).toBe(total(atOnce))
      }),
    )
  })
})

describe('incidents', () => {
  it('change where they stand; unknown ones are kept apart', () => {
    const rows = [row('a'), row('b')]
    const { rows: next, fresh } = patchIncidents(rows, [row('c'), row('b', { events: 7 })])
    expect(next.map((one) => [one.id, one.events])).toEqual([
      ['a', 0],
      ['b', 7],
    ])
    expect(fresh.map((one) => one.id)).toEqual(['c'])
    expect(next[0]).toBe(rows[0])
  })

  it('keep their sparkline when the change brings none', () => {
    const { rows } = patchIncidents([row('a', { spark: [1, 2] })], [row('a', { events: 1 })])
    expect(rows[0]?.spark).toEqual([1, 2])
  })

  it('take the last of several changes', () => {
    const { rows } = patchIncidents([row('a')], [row('a', { events: 1 }), row('a', { events: 2 })])
    expect(rows[0]?.events).toBe(2)
  })

  it('rank by score, resolved ones last', () => {
    const rows = [
      row('a', { severity_score: 10 }),
      row('b', { severity_score: 90, status: 'resolved' }),
      row('c', { severity_score: 60 }),
    ]
    expect(rows.toSorted(byRank).map((one) => one.id)).toEqual(['c', 'a', 'b'])
  })
})

it('says a rate only after it has listened long enough', () => {
  const meter = new RateMeter(10_000)
  meter.add(0, 100)
  expect(meter.perSecond(1000)).toBeNull()
  meter.add(6000, 100)
  expect(meter.perSecond(9000)).toBe(20)
  expect(meter.perSecond(60_000)).toBeNull()
})
