import { expect, it } from 'vitest'
import { stillFailing } from './still-failing.ts'

const NOW = Date.UTC(2026, 0, 5, 12, 0, 30)
const minutesAgo = (count: number): number => Math.floor(NOW / 60_000) * 60_000 - count * 60_000
const point = (count: number, value: number) => ({
  at: minutesAgo(count),
  series: 'checkout',
  value,
})

it('[C10] an incident whose errors came within five minutes still fails, of whichever service', () => {
  const chart = [point(20, 90), point(2, 3), { ...point(1, 4), series: 'web' }, point(0, 0)]
  expect(stillFailing({ chart }, NOW)).toEqual({ errors: 7, minutes: 5 })
  expect(stillFailing({ chart: chart.slice(0, 1) }, NOW)).toBeNull()
  expect(stillFailing({ chart: [point(3, 0)] }, NOW)).toBeNull()
})
