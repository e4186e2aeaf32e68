import { describe, expect, it } from 'vitest'

import {
  boardSentence,
  CARD_SIZE,
  chainCandidates,
  columnsOf,
  freePlace,
  invalidated,
  linkLines,
  suggestedChain,
} from '#lib/canvas/board.ts'
import { apply, decide, emptyRoom, viewOf } from '#lib/contract.ts'
import type { Actor, Command, RoomView } from '#lib/contract.ts'

const ANN: Actor = { id: 'user:ann', name: 'Ann', role: 'responder' }

/** A canvas made by commands, as the real one is. */
function canvas(...steps: readonly (readonly [Command['kind'], object])[]): RoomView {
  let state = emptyRoom('inc-1')
  let at = 1_000
  const opened = ['create', { title: 'checkout fails', severity: 2 }] as const
  for (const [kind, payload] of [opened, ...steps]) {
    at += 60_000
    const command = { cmdId: `c:${at}`, kind, payload, actor: ANN, at } as Command
    const decision = decide(state, command)
    if (!decision.ok) throw new Error(`${kind}: ${decision.rejection.reason}`)
    state = apply(state, decision.event)
  }
  return viewOf(state)
}

const card = (id: string, kind = 'hypothesis', more: object = {}) =>
  ['card_create', { id, kind, title: `Card ${id}`, ...more }] as const
const link = (id: string, from: string, to: string, kind = 'supports') =>
  ['link_add', { id, from, to, kind }] as const

describe('a board', () => {
  it('[F1] columns hold every card once, by when the thing happened, oldest first', () => {
    const view = canvas(
      card('h1'),
      card('s1', 'symptom', { source: { kind: 'chart', from: 5_000 } }),
      card('a1', 'action'),
    )
    const columns = columnsOf(view.cards)
    expect(columns.flatMap(({ cards }) => cards.map(({ id }) => id))).toEqual(['s1', 'h1', 'a1'])
    for (const { from, to, cards } of columns)
      for (const one of cards) {
        expect(one.source?.from ?? one.at).toBeGreaterThanOrEqual(from)
        expect(one.source?.from ?? one.at).toBeLessThan(to)
      }
    const many = canvas(...Array.from({ length: 300 }, (_, n) => card(`c${n}`)))
    expect(columnsOf(many.cards).length).toBeLessThanOrEqual(13)
    expect(columnsOf(many.cards).flatMap(({ cards }) => cards)).toHaveLength(300)
    expect(columnsOf([])).toEqual([])
  })

  it('a new card never lies on another one', () => {
    const made: (readonly ['card_create', object])[] = []
    for (let n = 0; n < 40; n += 1) {
      const kind = (['symptom', 'hypothesis', 'action'] as const)[n % 3] ?? 'symptom'
      const place = freePlace(canvas(...made).cards, kind)
      made.push(card(`c${n}`, kind, place))
    }
    const { cards } = canvas(...made)
    for (const one of cards)
      for (const other of cards)
        if (one.id < other.id) {
          const isApart =
            Math.abs(one.x - other.x) >= CARD_SIZE.width ||
            Math.abs(one.y - other.y) >= CARD_SIZE.height
          expect(isApart, `${one.id} ${other.id}`).toBe(true)
        }
  })

  it('[F4] links are told from both ends; what was taken away is not', () => {
    const view = canvas(
      card('s1', 'symptom'),
      card('h1'),
      link('l1', 's1', 'h1'),
      link('l2', 'h1', 's1', 'refutes'),
      ['link_invalidate', { id: 'l2', reason: 'no' }],
    )
    expect(linkLines(view, 's1').map(({ sentence }) => sentence)).toEqual(['supports Card h1'])
    expect(linkLines(view, 'h1').map(({ sentence }) => sentence)).toEqual([
      'is supported by Card s1',
    ])
  })

  it('[F5] [F6] counts what was invalidated, leaves it out of chains, and says what it came to', () => {
    const steps = [
      card('s1', 'symptom'),
      card('h1'),
      card('h2'),
      card('f1', 'solution'),
      link('l1', 's1', 'h1'),
      link('l2', 'f1', 'h1', 'fixes'),
      link('l3', 'h2', 'f1', 'refutes'),
      ['card_invalidate', { id: 'h2', reason: 'flat' }],
    ] as const
    const view = canvas(...steps)
    expect(invalidated(view)).toBe(1)
    expect(boardSentence(view)).toBe('4 cards: 2 hypotheses, 1 ruled out.')
    expect(chainCandidates(view, 'f1').map(({ id }) => id)).toEqual(['s1', 'h1'])
    expect(suggestedChain(view, 'f1')).toEqual(['s1', 'h1'])
    const done = canvas(...steps, ['converge', { id: 'f1', chain: ['s1', 'h1'] }])
    expect(boardSentence(done)).toBe('Concluded: Card f1.')
    expect(boardSentence(canvas())).toContain('Nothing is on the canvas')
  })
})
