import { expect, it } from 'vitest'
import { resultChart } from './result-chart.ts'

const RESULT = {
  columns: [
    { name: 'service', type: 'LowCardinality(String)' },
    { name: 'errors', type: 'UInt64' },
    { name: 'users', type: 'UInt64' },
  ],
  rows: [['checkout', '336', '316']],
}

it('[I10] an answer draws the column its sentence is about, a query of one’s own the last one', () => {
  expect(resultChart(RESULT, 'errors')).toMatchObject({ title: 'errors', bars: [{ value: 336 }] })
  expect(resultChart(RESULT)).toMatchObject({ title: 'users', bars: [{ value: 316 }] })
})
