import { describe, expect, it } from 'vitest'
import type { DiffState, DiffWish } from '#/api/ports.ts'
import type { ReplayDifference } from '#/schemas/replay-view.ts'
import { createDiffHistory } from './diff-history.ts'

const WISH: DiffWish = {
  project: 'default',
  rules: { incidents: { joinAffinity: 0.6 } },
  without: ['release=v2'],
  from: 0,
  to: 1000,
  history_min: 0,
}
const VANISHED: ReplayDifference = {
  kind: 'vanished',
  before: {
    id: 'a',
    title: 'gone',
    services: [],
    openedAt: 0,
    resolvedAt: null,
    level: 2,
    score: 50,
    evidence: 3,
  },
}

function ended(differences: number): DiffState {
  return {
    running: false,
    phase: 'done',
    project: 'default',
    from: 0,
    to: 1000,
    records: 10,
    total: 10,
    error: '',
    diff: {
      before: differences,
      after: 0,
      matched: 0,
      unchanged: 0,
      differences: Array.from({ length: differences }, () => VANISHED),
    },
  }
}

describe('comparisons that have ended', () => {
  it('[N1] are kept by project, newest first, with what was changed', () => {
    const history = createDiffHistory()
    history.add(WISH, ended(1), 5)
    history.add({ ...WISH, project: 'other' }, ended(2), 6)
    history.add({ ...WISH, rules: {} }, { ...ended(0), phase: 'failed', diff: null }, 7)
    expect(history.list('default')).toMatchObject([
      { id: 3, finished_at: 7, phase: 'failed', changed: [], diff: null },
      { id: 1, changed: ['incidents'], without: ['release=v2'], diff: { differences_total: 1 } },
    ])
    expect(history.list('nobody')).toEqual([])
  })

  it('are bounded: twenty of them, with five hundred differences each', () => {
    const history = createDiffHistory()
    for (let count = 0; count < 25; count += 1) history.add(WISH, ended(600), count)
    const kept = history.list('default')
    expect(kept.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, at) => 25 - at))
    expect(kept[0]?.diff?.differences).toHaveLength(500)
    expect(kept[0]?.diff?.differences_total).toBe(600)
  })
})
