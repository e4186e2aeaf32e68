import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareIncidents } from './diff.ts'
import type { ReplayDifference } from '#/schemas/replay-view.ts'
import type { IncidentTrace } from './diff.ts'

/** Incidents with evidence of their own, as one run makes them: an event belongs to one incident. */
const traces = fc
  .array(
    fc.record({
      events: fc.integer({ min: 2, max: 40 }),
      openedAt: fc.integer({ min: 0, max: 1_000_000 }),
      level: fc.integer({ min: 1, max: 5 }),
      score: fc.integer({ min: 0, max: 100 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((list) =>
    list.map(({ events, ...rest }, index): IncidentTrace => ({
      ...rest,
      id: `i${index}`,
      title: `incident ${index}`,
      services: ['web'],
      resolvedAt: null,
      evidence: new Set(Array.from({ length: events }, (_, at) => `${index}/${at}`)),
    })),
  )

const picked = fc.tuple(traces, fc.nat())
const pick = (list: readonly IncidentTrace[], seed: number): IncidentTrace =>
  list[seed % list.length]!
const without = (list: readonly IncidentTrace[], one: IncidentTrace): IncidentTrace[] =>
  list.filter((other) => other !== one)

function names(difference: ReplayDifference): string {
  switch (difference.kind) {
    case 'new':
      return `new ${difference.after.id}`
    case 'vanished':
      return `vanished ${difference.before.id}`
    case 'split':
      return `split ${difference.before.id} ${difference.into.map(({ id }) => id).join('+')}`
    case 'merged':
      return `merged ${difference.from.map(({ id }) => id).join('+')} ${difference.after.id}`
    case 'moved':
      return `moved ${difference.before.id} ${difference.byMs}`
    case 'severity':
      return `severity ${difference.before.id} ${difference.levels} ${difference.points}`
  }
}

const found = (before: readonly IncidentTrace[], after: readonly IncidentTrace[]): string[] =>
  compareIncidents(before, after).differences.map((one) => names(one))

describe('the difference of two runs', () => {
  it('[N1] is empty for the same incidents, in whatever order and under whatever ids', () => {
    fc.assert(
      fc.property(traces, (list) => {
        const renamed = list.toReversed().map((one) => ({ ...one, id: `other ${one.id}` }))
        const diff = compareIncidents(list, renamed)
        expect(diff.differences).toEqual([])
        expect(diff).toMatchObject({ matched: list.length, unchanged: list.length })
      }),
    )
  })

  it('[N1] names what is new and what has vanished, and nothing else', () => {
    fc.assert(
      fc.property(picked, ([list, seed]) => {
        const one = pick(list, seed)
        expect(found(list, without(list, one))).toEqual([`vanished ${one.id}`])
        expect(found(without(list, one), list)).toEqual([`new ${one.id}`])
      }),
    )
  })

  it('[N1] names what was split and what was merged, with the larger part as the one that goes on', () => {
    fc.assert(
      fc.property(picked, ([list, seed]) => {
        const one = pick(list, seed)
        const items = [...one.evidence]
        const cut = Math.floor(items.length / 2)
        const [small, large] = [items.slice(0, cut), items.slice(cut)]
        const parts = [
          { ...one, id: 'large', evidence: new Set(large) },
          { ...one, id: 'small', evidence: new Set(small) },
        ]
        const split = [...without(list, one), ...parts]
        const pairs = large.length > small.length ? 'large+small' : undefined
        const [splitting] = found(list, split)
        const [merging] = found(split, list)
        expect([found(list, split).length, found(split, list).length]).toEqual([1, 1])
        expect(splitting).toMatch(new RegExp(`^split ${one.id} (large\\+small|small\\+large)$`))
        expect(merging).toMatch(new RegExp(`^merged (large\\+small|small\\+large) ${one.id}$`))
        if (pairs !== undefined)
          expect([splitting, merging]).toEqual([
            `split ${one.id} ${pairs}`,
            `merged ${pairs} ${one.id}`,
          ])
      }),
    )
  })

  it('[N1] tells how much earlier or later, and how much worse', () => {
    const changes = fc.record({
      byMs: fc.integer({ min: -100_000, max: 100_000 }),
      levels: fc.integer({ min: -2, max: 2 }),
      points: fc.integer({ min: -20, max: 20 }),
    })
    fc.assert(
      fc.property(picked, changes, ([list, seed], { byMs, levels, points }) => {
        const one = pick(list, seed)
        const moved = {
          ...one,
          openedAt: one.openedAt + byMs,
          level: one.level - levels,
          score: one.score + points,
        }
        const wanted = [
          ...(byMs === 0 ? [] : [`moved ${one.id} ${byMs}`]),
          ...(levels === 0 && points === 0 ? [] : [`severity ${one.id} ${levels} ${points}`]),
        ]
        expect(found(list, [...without(list, one), moved])).toEqual(wanted)
      }),
    )
  })

  it('[N1] finds every one of several planted changes', () => {
    fc.assert(
      fc.property(traces, traces, (left, right) => {
        const others = right.map((one) => ({
          ...one,
          id: `x${one.id}`,
          evidence: new Set([...one.evidence].map((item) => `x${item}`)),
        }))
        const wanted = [
          ...left.map(({ id }) => `vanished ${id}`),
          ...others.map(({ id }) => `new ${id}`),
        ]
        expect(found(left, others).toSorted()).toEqual(wanted.toSorted())
      }),
    )
  })
})
