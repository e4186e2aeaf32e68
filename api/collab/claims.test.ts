import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import type { SqlView } from '#/schemas/view.ts'
import { ANN, STEP, SYSTEM } from '#/schemas/collab/test-room.ts'
import type { Command } from '#/schemas/collab/state.ts'
import { viewOf } from '#/schemas/collab/views.ts'
import { startClaims, SWEEP_MS } from './claims.ts'
import { Decider } from './decider.ts'

/** A room with one claim, over a store that answers what the test says. */
function world(answer: () => unknown) {
  const clock = createManualClock(1_000_000)
  const decider = new Decider()
  const asked: { sql: string; project: string }[] = []
  let count = 0
  const decide = (command: Command) =>
    decider.decide({ project: 'default', incidentId: 'inc-1', command }, clock.nowMs())
  const say = (kind: Command['kind'], payload: object, actor = ANN, more: object = {}) =>
    decide({ cmdId: `c:${(count += 1)}`, kind, payload, actor, at: 0, ...more } as Command)
  say('engine', STEP, SYSTEM)
  say('join', {})
  say('card_create', { id: 'h1', kind: 'hypothesis', title: 'the pool is full' })
  const sql = "SELECT count() FROM events WHERE service = 'pool'"
  say('claim', { id: 'h1', claim: { sql, sign: '>', value: 10 } })
  const claims = startClaims({
    clock,
    book: decider.book,
    owned: () => [0],
    reads: {
      guardedSql: async ({ sql: text, project }) => {
        asked.push({ sql: text, project })
        return { rows: [[answer()]] } as unknown as SqlView
      },
    },
    submit: async ({ command }) => void decide(command),
  })
  const card = () => viewOf(decider.book.stateOf('inc-1')).cards[0]!
  const verdicts = () =>
    decider.book
      .room('inc-1')!
      .recent.filter(({ kind }) => kind === 'claim_result')
      .map(({ payload }) => payload['verdict'])
  return { clock, claims, card, verdicts, asked, say, sql }
}

describe('hypotheses that make a claim', () => {
  it('[N3] the verdict flips within one window of the change, and keeps its history', async () => {
    let count = 3
    const { clock, claims, card, verdicts, asked, sql } = world(() => count)
    await clock.advance(SWEEP_MS)
    expect(card().verdict).toMatchObject({ verdict: 'refuted', value: 3 })
    expect(asked[0]).toEqual({ sql, project: 'default' })
    count = 11
    await clock.advance(SWEEP_MS)
    expect(card().verdict).toMatchObject({ verdict: 'supported', value: 11 })
    // Nothing new is no event, however often it is asked.
    for (let sweep = 0; sweep < 5; sweep += 1) await clock.advance(SWEEP_MS)
    expect(asked.length).toBe(7)
    expect(verdicts()).toEqual(['refuted', 'supported'])
    await claims.close()
  })

  it('[N3] what cannot be answered is undecided and says why', async () => {
    let answer: () => unknown = () => null
    const { clock, claims, card } = world(() => answer())
    await clock.advance(SWEEP_MS)
    expect(card().verdict).toMatchObject({ verdict: 'undecided', value: null })
    answer = () => {
      throw new Error('the table is gone')
    }
    await clock.advance(SWEEP_MS)
    expect(card().verdict).toMatchObject({ verdict: 'undecided', note: 'the table is gone' })
    await claims.close()
  })

  it('[N3] a resolved incident and an invalidated card are not asked any more', async () => {
    const { clock, claims, asked, say } = world(() => 1)
    say('card_invalidate', { id: 'h1', reason: 'no' })
    await clock.advance(SWEEP_MS)
    say('card_revalidate', { id: 'h1' })
    say('status_change', { status: 'resolved' }, ANN, { expect: { field: 'status', rev: 1 } })
    await clock.advance(SWEEP_MS)
    expect(asked).toEqual([])
    await claims.close()
  })
})
