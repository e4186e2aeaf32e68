import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SuggestionView } from '#/schemas/ask.ts'
import { foldKnowledge, type KnowledgeAction } from '#/schemas/knowledge.ts'
import { rankIncidents } from './priority.ts'
import { quietly, SUGGESTION_APART_MS } from './suggestions.ts'

const T0 = Date.UTC(2026, 10, 25)

describe('priority', () => {
  it('[I9] is one order, whatever order they come in', () => {
    const incident = fc.record({
      number: fc.integer({ min: 1, max: 500 }),
      severity: fc.integer({ min: 1, max: 5 }),
      severity_score: fc.nat(100),
      users: fc.nat(50),
      opened_at: fc.nat(1000),
    })
    const many = fc.uniqueArray(incident, { maxLength: 20, selector: ({ number }) => number })
    fc.assert(
      fc.property(many, fc.integer(), (incidents, turn) => {
        const ranked = rankIncidents(incidents)
        const turned = incidents.toSorted(
          (a, b) => ((a.number * turn) % 7) - ((b.number * turn) % 7),
        )
        expect(rankIncidents(turned)).toEqual(ranked)
        for (const [index, one] of ranked.entries())
          expect(one.severity).toBeGreaterThanOrEqual(ranked[index - 1]?.severity ?? 1)
      }),
    )
  })
})

describe('suggestions', () => {
  const made = (at: number, id: string): SuggestionView => ({
    id,
    at,
    incident_id: 'i',
    number: 1,
    kind: 'deploy',
    text: '',
    failed: [],
  })
  const quiet = { nowMs: T0 + 1e9, mutedUntil: null, asked: false }

  it('[I13] are at least five minutes apart unless asked, and everybody sees the same ones', () => {
    const times = fc.array(fc.nat(3_600_000), { maxLength: 40 })
    fc.assert(
      fc.property(times, (all) => {
        const candidates = all.map((at, index) => made(T0 + at, `s${index}`))
        const { items, held_back } = quietly(candidates, quiet)
        const shown = items.map(({ at }) => at).toReversed()
        for (const [index, at] of shown.entries())
          if (index > 0) expect(at - shown[index - 1]!).toBeGreaterThanOrEqual(SUGGESTION_APART_MS)
        expect(items.length + held_back).toBe(all.length)
        expect(quietly(candidates.toReversed(), quiet).items).toEqual(items)
        expect(quietly(candidates, { ...quiet, asked: true }).items).toHaveLength(all.length)
      }),
    )
  })

  it('[I13] rest while muted, and speak again when the time is over', () => {
    const one = [made(T0, 'a')]
    const mutedUntil = T0 + 60_000
    expect(quietly(one, { nowMs: T0, mutedUntil, asked: false })).toEqual({
      items: [],
      held_back: 1,
      muted_until: mutedUntil,
    })
    expect(quietly(one, { nowMs: mutedUntil, mutedUntil, asked: false })).toMatchObject({
      items: one,
      muted_until: null,
    })
  })
})

describe('knowledge', () => {
  const action = (kind: string, payload: object, seq: number): KnowledgeAction => ({
    incident_id: 'i',
    seq,
    kind,
    actor: 'anna',
    at: T0 + seq,
    payload: JSON.stringify(payload),
  })

  it('[I12] is what stands confirmed, the conclusion first, and what was refuted or invalidated', () => {
    const known = foldKnowledge(
      [
        ['card_create', { id: 's1', kind: 'solution', title: 'Restart' }],
        ['card_confirm', { id: 's1' }],
        ['card_create', { id: 's2', kind: 'solution', title: 'Roll back' }],
        ['converge', { id: 's2', chain: ['s1'] }],
        ['card_create', { id: 'h1', kind: 'hypothesis', title: 'Disk full' }],
        ['link_add', { id: 'l', from: 'x', to: 'h1', kind: 'refutes' }],
        ['card_create', { id: 's3', kind: 'solution', title: 'Taken back' }],
        ['card_confirm', { id: 's3' }],
        ['card_invalidate', { id: 's3', reason: 'no' }],
        ['ai_feedback', { useful: true }],
        ['ai_feedback', { useful: false }],
        ['nonsense', { id: 's1' }],
      ].map(([kind, payload], index) => action(kind as string, payload as object, index)),
    )
    expect(known.worked.map(({ title }) => title)).toEqual(['Roll back', 'Restart'])
    expect(known.failed.map(({ title }) => title)).toEqual(['Disk full', 'Taken back'])
    expect(known).toMatchObject({ useful: 1, wrong: 1 })
  })

  it('passes over what it cannot read', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom(
              'card_create',
              'card_edit',
              'converge',
              'suggestion_accept',
              'ai_feedback',
            ),
            fc.json(),
          ),
        ),
        (all) => {
          const actions = all.map(([kind, payload], seq) => ({ ...action(kind, {}, seq), payload }))
          expect(() => foldKnowledge(actions)).not.toThrow()
        },
      ),
    )
  })
})
