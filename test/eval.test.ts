import { describe, expect, it } from 'vitest'
import { aiRows } from './eval/ai-rows.ts'
import { readBaseline, regressions } from './eval/baseline.ts'
import type { Row } from './eval/kit.ts'
import { ownCountRows, ownLineRows, ownOutageRows, ownSeriesRows } from './eval/own-rows.ts'

const row = (measure: string, ours: string): Row => [measure, '', '', '', ours]

describe('what helps without a model is not worse than the stored baseline', () => {
  it('[I20] causes, similar incidents and questions', { timeout: 120_000 }, () => {
    const rows = aiRows()
    const names = new Set(rows.map(([name]) => name))
    const stored = Object.entries(readBaseline().sets.ai).filter(([name]) => names.has(name))
    expect(stored).toHaveLength(rows.length)
    expect(regressions(rows, Object.fromEntries(stored))).toEqual([])
  })
})

describe('detection is not worse than the stored baseline', () => {
  const stored = readBaseline().sets.own

  it('on made-up lines, counts, series and outages', { timeout: 120_000 }, () => {
    const rows = [...ownLineRows(), ...ownCountRows(), ...ownSeriesRows(), ...ownOutageRows()]
    expect(Object.keys(stored)).toHaveLength(rows.length)
    expect(regressions(rows, stored)).toEqual([])
  })

  it('negative control: a lower share, a longer delay and a measure that is gone are told', () => {
    const before = { recall: [0.9], delay: [5], both: [0.9, 0.8] }
    const fine = [row('recall', '0.89'), row('delay', '5.9 min'), row('both', '0.95/0.80')]
    expect(regressions(fine, before)).toEqual([])
    const worse = [row('recall', '0.88'), row('delay', '6.1 min')]
    expect(regressions(worse, before)).toHaveLength(3)
  })
})
