import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DiffState, DiffWish } from '#/api/ports.ts'
import { createTestApp, type TestApp } from '#/api/test-app.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { ReplayDifference } from '#/schemas/replay-view.ts'
import { openDiffHistory, type DiffHistory } from './diff-history.ts'

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

let app: TestApp
const closers: (() => Promise<void>)[] = []

beforeEach(async () => {
  app = await createTestApp({ clock: systemClock })
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  await app.close()
})

async function open(): Promise<DiffHistory> {
  const { log, schemaIds, registry } = app.deps
  const history = await openDiffHistory({ log, schemaIds, registry, clock: systemClock })
  closers.push(() => history.close())
  return history
}

describe('comparisons that have ended', () => {
  it('[N1] are kept by project, newest first, with what was changed', async () => {
    const history = await open()
    await history.add(WISH, ended(1), 5)
    await history.add({ ...WISH, project: 'other' }, ended(2), 6)
    await history.add({ ...WISH, rules: {} }, { ...ended(0), phase: 'failed', diff: null }, 7)
    expect(history.list('default')).toMatchObject([
      { id: 3, finished_at: 7, phase: 'failed', changed: [], diff: null },
      { id: 1, changed: ['incidents'], without: ['release=v2'], diff: { differences_total: 1 } },
    ])
    expect(history.list('nobody')).toEqual([])
  })

  it('are bounded: twenty of them, with five hundred differences each', async () => {
    const history = await open()
    for (let count = 0; count < 25; count += 1) await history.add(WISH, ended(600), count)
    for (const one of [history, await open()]) {
      const kept = one.list('default')
      expect(kept.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, at) => 25 - at))
      expect(kept[0]?.diff?.differences).toHaveLength(500)
      expect(kept[0]?.diff?.differences_total).toBe(600)
    }
  })

  it('of several processes are one list, each with a number of its own, also after a start', async () => {
    const [here, there] = [await open(), await open()]
    await Promise.all(
      Array.from({ length: 8 }, (_, at) => [here, there][at % 2]!.add(WISH, ended(1), at)),
    )
    const numbers = (history: DiffHistory): number[] => history.list('default').map(({ id }) => id)
    await expect.poll(() => numbers(here)).toEqual([8, 7, 6, 5, 4, 3, 2, 1])
    await expect.poll(() => numbers(there)).toEqual(numbers(here))
    expect((await open()).list('default')).toEqual(here.list('default'))
  })

  it('with long words keep what fits, and say how many there were', async () => {
    const history = await open()
    const long = ended(100)
    const words = 'w'.repeat(10_000)
    const before = { ...VANISHED.before, title: words }
    const differences = long.diff!.differences.map((one) => ({ ...one, before }))
    await history.add(WISH, { ...long, diff: { ...long.diff!, differences } }, 1)
    const [kept] = history.list('default')
    expect(kept?.diff?.differences.length).toBeGreaterThan(5)
    expect(JSON.stringify(kept).length).toBeLessThan(140_000)
    expect(kept?.diff?.differences_total).toBe(100)
  })
})
