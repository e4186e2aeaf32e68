import { describe, expect, it } from 'vitest'

import type { ComparedIncident, ReplayDifference, ReplayDiffView } from '#lib/contract.ts'

import { changeOf, rowOf, verdictOf } from './difference.ts'

const one: ComparedIncident = {
  id: 'a',
  title: 'TimeoutError in checkout',
  services: ['checkout'],
  openedAt: 0,
  resolvedAt: null,
  level: 2,
  score: 61,
  evidence: 3,
}
const other = { ...one, id: 'b', title: 'Connection to <*> refused' }
const milder = { ...one, level: 3, score: 44 }
const differences: readonly ReplayDifference[] = [
  { kind: 'new', after: one },
  { kind: 'vanished', before: one },
  { kind: 'split', before: one, into: [one, other] },
  { kind: 'merged', from: [one, other], after: one },
  { kind: 'moved', before: one, after: one, byMs: -180_000 },
  { kind: 'moved', before: one, after: one, byMs: 60_000 },
  { kind: 'severity', before: one, after: milder, levels: -1, points: -17 },
]
const done: ReplayDiffView = {
  id: 1,
  finished_at: 0,
  phase: 'done',
  error: '',
  changed: ['incidents'],
  without: ['release=v2.4.1'],
  from: 0,
  to: 1,
  records: 9,
  diff: { before: 7, after: 7, matched: 5, unchanged: 3, differences, differences_total: 7 },
}

describe('differences of a replay in words', () => {
  it('[N1] each kind says what became of which incident', () => {
    const rows = differences.map(rowOf)
    expect(rows.map(({ kind, what }) => `${kind} ${what}`)).toEqual([
      'new SEV2',
      'vanished was SEV2',
      'split into 2 incidents: TimeoutError in checkout and Connection to … refused',
      'merged from 2 incidents: TimeoutError in checkout and Connection to … refused',
      'earlier by 3 min',
      'later by 1 min',
      'severity SEV2 → SEV3, score 61 → 44',
    ])
  })

  it('says what was found, and what was changed', () => {
    expect(verdictOf(done)).toBe('7 differences: 7 incidents before, 7 after.')
    expect(changeOf(done)).toBe('changed incidents; without release=v2.4.1')
    const failed = { ...done, phase: 'failed', error: 'too many errors', diff: null }
    expect(verdictOf(failed)).toBe('It failed: too many errors')
    expect(verdictOf({ ...failed, phase: 'cancelled' })).toBe('The comparison was cancelled.')
  })
})
