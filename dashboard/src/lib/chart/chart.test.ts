import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { markers, timeTicks, valueTicks } from '#lib/chart/axis.ts'
import { bucketAt, bucketSentence, selectedRange } from '#lib/chart/cursor.ts'
import {
  anyModel,
  coarser,
  highest,
  layerTops,
  seriesModel,
  severityModel,
} from '#lib/chart/model.ts'
import { chartOptions, columns } from '#lib/chart/options.ts'
import { fitBars, layerPaths, sparkPath } from '#lib/chart/paths.ts'
import { bucketMs } from '#lib/chart/step.ts'

const FROM = Date.UTC(2026, 10, 21, 2)
const range = { from: FROM, to: FROM + 40_000, stepMs: 10_000 }
const point = (index: number, series: string, value: number) => ({
  at: FROM + index * 10_000,
  series,
  value,
})

describe('models', () => {
  it('have the five severities in one order, the worst at the bottom', () => {
    const model = severityModel([point(0, '5', 2), point(1, 'error', 3), point(9, '5', 9)], range)
    expect(model.series.map((one) => one.name)).toEqual([
      'fatal',
      'error',
      'warning',
      'info',
      'debug',
    ])
    expect(model.series[0]?.values).toEqual([2, 0, 0, 0])
    expect(model.series[1]?.values).toEqual([0, 3, 0, 0])
  })

  it('sum the smallest series up when there are too many', () => {
    const points = Array.from({ length: 9 }, (_, index) => point(0, `s${index}`, index + 1))
    const model = seriesModel(points, range, { stacked: true })
    expect(model.series.map((one) => one.name)).toEqual(['s8', 's7', 's6', 's5', 's4', 'other'])
    expect(model.series.at(-1)?.values[0]).toBe(1 + 2 + 3 + 4)
  })

  it('have one series of what was summed up, by the API or by us', () => {
    const points = Array.from({ length: 8 }, (_, index) => point(0, `s${index}`, index + 1))
    const model = seriesModel([...points, point(0, 'other', 90)], range, { stacked: true })
    expect(model.series.filter((one) => one.name === 'other')).toHaveLength(1)
    expect(model.series.at(-1)?.values[0]).toBe(90 + 1 + 2 + 3)
  })

  it('take severities for what they are and other series as they come', () => {
    expect(anyModel([point(0, '4', 1)], range).series).toHaveLength(5)
    expect(anyModel([point(0, 'checkout', 1)], range).series.map((one) => one.name)).toEqual([
      'checkout',
    ])
  })

  it('keep the mean when they get coarser', () => {
    const model = severityModel(
      [0, 1, 2, 3].map((index) => point(index, '5', index * 2)),
      range,
    )
    expect(coarser(model, 2).series[0]?.values).toEqual([1, 5])
    expect(coarser(model, 2).stepMs).toBe(20_000)
    expect(coarser(model, 60)).toBe(model)
  })

  it('leave a gap where nothing was measured, and count nothing where nothing was counted', () => {
    const points = [point(1, 'latency_p95', 80), point(3, 'latency_p95', 40)]
    const measured = seriesModel(points, range, { stacked: false, gaps: true })
    expect(measured.series[0]?.values).toEqual([NaN, 80, NaN, 40])
    expect(highest(measured)).toBe(80)
    expect(layerPaths(measured, 80)[0]?.d).toBe('M1 0h1M3 100h1')
    expect(coarser(measured, 2).series[0]?.values).toEqual([80, 40])
    expect(bucketSentence(measured, 0, ' ms')).toContain('nothing')
    const counted = seriesModel(points, range, { stacked: false })
    expect(counted.series[0]?.values).toEqual([0, 80, 0, 40])
  })

  it('have a hue each, and grey for the rest only', () => {
    const points = Array.from({ length: 6 }, (_, index) => point(0, `s${index}`, index + 1))
    const model = seriesModel([...points, point(0, 'other', 1)], range, { stacked: true })
    expect(new Set(model.series.map((one) => one.tone)).size).toBe(model.series.length)
  })

  it('stack up to the sum', () => {
    const model = severityModel([point(0, '5', 2), point(0, '4', 3), point(0, '1', 1)], range)
    expect(layerTops(model).map((top) => top[0])).toEqual([2, 5, 5, 5, 6])
  })
})

describe('axes', () => {
  it('reach the largest value in few round steps', () => {
    expect(valueTicks(78)).toEqual([0, 20, 40, 60, 80])
    expect(valueTicks(0)).toEqual([0, 1])
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 1e12, noNaN: true }), (max) => {
        const ticks = valueTicks(max)
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(max * 0.999)
        expect(ticks.length).toBeLessThanOrEqual(6)
      }),
    )
  })

  it('put clock times at their places, and the date at midnight', () => {
    const ticks = timeTicks(FROM, FROM + 3_600_000)
    expect(ticks.map((tick) => tick.label).slice(0, 3)).toEqual(['02:05', '02:10', '02:15'])
    expect(timeTicks(FROM - 6 * 3_600_000, FROM).some((tick) => tick.label === '21 Nov')).toBe(true)
    expect(timeTicks(5, 5)).toEqual([])
  })

  it('show each deploy once, join neighbours, and leave labels out where they would overlap', () => {
    const deploy = (id: string, at: number) => ({ id, at, label: id, href: '#', title: id })
    const marks = markers(
      [
        deploy('a', 100),
        deploy('a', 100),
        deploy('b', 101),
        deploy('c', 150),
        deploy('d', 900),
        deploy('e', 5000),
      ],
      { from: 0, to: 1000 },
    )
    expect(marks.map((mark) => mark.label)).toEqual(['a +1', '', 'd'])
    expect(marks[0]?.title).toBe('a\nb')
  })

  it('[C15] name the suspected deploy before its neighbours, and two where both fit', () => {
    const deploy = (id: string, at: number, suspicion?: number) => {
      const one = { id, at, label: id, href: `#${id}`, title: id }
      return suspicion === undefined ? one : { ...one, suspicion }
    }
    const whole = { from: 0, to: 1000 }
    const labels = (...happenings: ReturnType<typeof deploy>[]) =>
      markers(happenings, whole).map((mark) => mark.label)
    const hidden = markers([deploy('a', 100), deploy('b', 104, 0)], whole)
    expect(hidden).toMatchObject([{ label: 'b +1', href: '#b', title: 'b\na', x: 0.104 }])
    expect(labels(deploy('a', 300), deploy('b', 302, 1), deploy('c', 304, 0))).toEqual(['c, b +1'])
    // A neighbour further on keeps its name only where there is room, and one that is suspected comes first.
    expect(labels(deploy('a', 300), deploy('b', 350, 0))).toEqual(['', 'b'])
    expect(labels(deploy('b', 302, 1), deploy('c', 304, 0), deploy('d', 450))).toEqual(['c, b', ''])
    expect(labels(deploy('b', 302, 2), deploy('c', 304, 1), deploy('d', 450, 0))).toEqual([
      'c +1',
      'd',
    ])
  })

  it('draw at most forty deploys', () => {
    const many = Array.from({ length: 500 }, (_, index) => ({
      id: String(index),
      at: index,
      label: '',
      href: '#',
      title: '',
    }))
    expect(markers(many, { from: 0, to: 500 }).length).toBeLessThanOrEqual(40)
  })
})

describe('drawings', () => {
  it('are staircases, closed when stacked', () => {
    const model = severityModel([point(0, '5', 10), point(1, '5', 5)], range)
    const bottom = layerPaths(model, 10).at(-1)
    expect(bottom).toEqual({
      key: 'critical',
      tone: 'sev-critical',
      d: 'M0 0h1v100h1v100h2V200H0z',
    })
  })

  it('stay small for the first paint', () => {
    const points = Array.from({ length: 360 }, (_, index) =>
      ['1', '2', '3', '4', '5'].map((series, place) =>
        point(index, series, (index * 37 + place * 11) % 90),
      ),
    ).flat()
    const model = severityModel(points, { from: FROM, to: FROM + 3_600_000, stepMs: 10_000 })
    const size = layerPaths(coarser(model, 60), 500).reduce((sum, path) => sum + path.d.length, 0)
    expect(size).toBeLessThan(2500)
  })

  it('show a value above zero in a sparkline, and keep its peak when it is narrower', () => {
    expect(sparkPath([0, 1, 1000])).toBe('M0 20v-1h2v1zM3 20v-2h2v2zM6 20v-20h2v20z')
    expect(fitBars([1, 9, 2, 3], 2)).toEqual([9, 3])
  })

  it('tell ECharts typed columns with one more row than buckets', () => {
    const model = severityModel([point(3, '5', 7)], range)
    const [times, fatal] = columns(model)
    expect(times).toHaveLength(5)
    expect(fatal?.slice(3)).toEqual(Float64Array.of(7, 7))
    const options = chartOptions(model, 10, { 'sev-critical': { line: 'red', fill: 'pink' } })
    expect(options.animation).toBe(false)
    expect(options.series[0]).toMatchObject({
      step: 'end',
      lineStyle: { color: 'red' },
      areaStyle: { color: 'pink' },
    })
  })
})

describe('the cursor', () => {
  const model = severityModel([point(1, '5', 2), point(1, '2', 1200)], range)

  it('stands on a bucket and says what is in it', () => {
    expect(bucketAt(model, 0.3)).toBe(1)
    expect(bucketAt(model, 7)).toBe(3)
    expect(bucketSentence(model, 1, '')).toBe('02:00:10 · 2 fatal · 1,200 info')
    expect(bucketSentence(model, 0, '')).toBe('02:00:00 · nothing')
  })

  it('selects whole buckets in either direction, and nothing for a click', () => {
    const expected = { from: FROM + 10_000, to: FROM + 30_000 }
    expect(selectedRange(model, { start: 0.3, end: 0.7 })).toEqual(expected)
    expect(selectedRange(model, { start: 0.7, end: 0.3 })).toEqual(expected)
    expect(selectedRange(model, { start: 0.5, end: 0.505 })).toBeNull()
  })
})

describe('the width of buckets', () => {
  const every = (stepMs: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({ at: 7 + index * stepMs, series: 'a', value: 1 }))

  it('is what the points really have when that is coarser than asked', () => {
    expect(bucketMs(every(60_000, 20), 10_000)).toBe(60_000)
    expect(bucketMs(every(10_000, 20), 10_000)).toBe(10_000)
  })

  it('is as asked when there is too little to tell', () => {
    expect(bucketMs(every(60_000, 3), 10_000)).toBe(10_000)
    expect(bucketMs([], 10_000)).toBe(10_000)
  })
})
