/** What both views of a canvas and its outline are computed from. Pure. */
import { LINK_WORDS } from '#lib/collab/words.ts'
import type { Card, Link, RoomView } from '#lib/contract.ts'
import { counted } from '#lib/format.ts'
import { stepFor } from '#lib/time/range.ts'

export const CARD_KINDS: readonly Card['kind'][] = [
  'symptom',
  'hypothesis',
  'action',
  'solution',
  'ai_insight',
]
export const LINK_KINDS: readonly Link['kind'][] = ['supports', 'refutes', 'tried', 'fixes']
export const VIEWS = ['plane', 'time', 'outline'] as const
export type BoardView = (typeof VIEWS)[number]

export const CARD_SIZE = { width: 240, height: 116, gap: 32 } as const

/** When the thing happened that a card is about: what it shows, or else its making. */
export function cardTime({ source, at }: Pick<Card, 'source' | 'at'>): number {
  return source?.from ?? at
}

export interface Column {
  from: number
  to: number
  cards: readonly Card[]
}

/** Cards by time in at most `columnsMax` equal stretches; those without a card are left out. */
export function columnsOf(cards: readonly Card[], columnsMax = 12): readonly Column[] {
  if (cards.length === 0) return []
  const times = cards.map(cardTime)
  const first = Math.min(...times)
  const step = stepFor(Math.max(1, Math.max(...times) - first), columnsMax - 1)
  const columns = new Map<number, Card[]>()
  for (const card of cards.toSorted((a, b) => cardTime(a) - cardTime(b) || a.at - b.at)) {
    const from = Math.floor(cardTime(card) / step) * step
    columns.set(from, [...(columns.get(from) ?? []), card])
  }
  return [...columns].map(([from, inside]) => ({ from, to: from + step, cards: inside }))
}

/** A place for a new card: below the last one of its kind, kinds side by side. Never on another card. */
export function freePlace(cards: readonly Card[], kind: Card['kind']): { x: number; y: number } {
  const { width, height, gap } = CARD_SIZE
  const x = CARD_KINDS.indexOf(kind) * (width + 2 * gap)
  const covers = (y: number): Card | undefined =>
    cards.find(
      (card) => Math.abs(card.x - x) < width + gap / 2 && Math.abs(card.y - y) < height + gap / 2,
    )
  let y = 0
  for (let under = covers(y); under !== undefined; under = covers(y)) y = under.y + height + gap
  return { x, y }
}

export interface LinkLine {
  link: Link
  other: Card
  sentence: string
}

/** The active links of a card, told from its side. */
export function linkLines(view: RoomView, cardId: string): readonly LinkLine[] {
  const cards = new Map(view.cards.map((card) => [card.id, card]))
  return view.links.flatMap((link) => {
    if (!link.isActive || (link.from !== cardId && link.to !== cardId)) return []
    const isFrom = link.from === cardId
    const other = cards.get(isFrom ? link.to : link.from)
    if (other === undefined) return []
    const { verb, back } = LINK_WORDS[link.kind]
    return [{ link, other, sentence: `${isFrom ? verb : back} ${other.title}` }]
  })
}

/** The sentence above the canvas: what is believed, what is ruled out, what it comes to. */
export function boardSentence({ cards, solution }: RoomView): string {
  if (cards.length === 0) return 'Nothing is on the canvas yet: begin with what you see.'
  const hypotheses = cards.filter(({ kind }) => kind === 'hypothesis')
  const out = hypotheses.filter(({ state }) => state === 'invalidated').length
  const sure = hypotheses.filter(({ state }) => state === 'confirmed').length
  const end = cards.find(({ id }) => id === solution?.card)
  if (end !== undefined) return `Concluded: ${end.title}.`
  const parts = [
    counted(hypotheses.length, 'hypothesis', 'hypotheses'),
    ...(sure > 0 ? [`${sure} confirmed`] : []),
    ...(out > 0 ? [`${out} ruled out`] : []),
  ]
  return `${counted(cards.length, 'card')}: ${parts.join(', ')}.`
}

/** Counted, because nothing goes away: what was invalidated stays to be seen. */
export const invalidated = (view: RoomView): number =>
  view.cards.filter(({ state }) => state === 'invalidated').length

/** Cards a solution may rest on. */
export function chainCandidates({ cards }: RoomView, solution: string): readonly Card[] {
  return cards.filter(({ id, state }) => id !== solution && state !== 'invalidated')
}

/** The chain that the links of a solution already tell: what leads to it, farthest first. */
export function suggestedChain(view: RoomView, solution: string): readonly string[] {
  const chain: string[] = []
  const alive = new Set(chainCandidates(view, solution).map(({ id }) => id))
  const visit = (id: string): void => {
    for (const { link, other } of linkLines(view, id)) {
      if (link.kind === 'refutes' || chain.includes(other.id) || !alive.has(other.id)) continue
      chain.push(other.id)
      visit(other.id)
    }
  }
  visit(solution)
  return chain.toReversed()
}
