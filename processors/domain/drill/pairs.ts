import type { DrillCard, DrillLink, DrillPairs } from '#/schemas/drill-view.ts'
import type { Card, Link, RoomView } from '#/schemas/collab/views.ts'

/** Titles that share at least this part of their words say the same. */
const ALIKE_MIN = 0.5

type Canvas = Pick<RoomView, 'cards' | 'links'>

/** Which cards and links of two canvases are the same: by kind and by words, the best pairs first. */
export function compareCanvas(
  recorded: Canvas,
  drill: Canvas,
): { cards: DrillPairs<DrillCard>; links: DrillPairs<DrillLink> } {
  const pairs = pairCards(recorded.cards, drill.cards)
  const twinOf = new Map(pairs.map(({ recorded: one, drill: other }) => [one.id, other.id]))
  const taken = new Set(pairs.map(({ drill: other }) => other.id))
  return {
    cards: {
      both: pairs.map((pair) => ({
        recorded: cardOf(pair.recorded),
        drill: cardOf(pair.drill),
        alike: pair.alike,
      })),
      only_recorded: recorded.cards.filter(({ id }) => !twinOf.has(id)).map(cardOf),
      only_drill: drill.cards.filter(({ id }) => !taken.has(id)).map(cardOf),
    },
    links: compareLinks(recorded, drill, twinOf),
  }
}

interface CardPair {
  recorded: Card
  drill: Card
  alike: number
}

/** Each card has one twin at most. Ties go to the earlier cards, so that the same rooms give the same pairs. */
function pairCards(left: readonly Card[], right: readonly Card[]): CardPair[] {
  const candidates = left.flatMap((recorded) => {
    const words = wordsOf(recorded.title)
    return right
      .filter(({ kind }) => kind === recorded.kind)
      .map((drill) => ({ recorded, drill, alike: alikeness(words, wordsOf(drill.title)) }))
      .filter(({ alike }) => alike >= ALIKE_MIN)
  })
  const taken = new Set<Card>()
  const pairs = candidates
    .toSorted(
      (a, b) => b.alike - a.alike || byAge(a.recorded, b.recorded) || byAge(a.drill, b.drill),
    )
    .filter(({ recorded, drill }) => {
      if (taken.has(recorded) || taken.has(drill)) return false
      taken.add(recorded).add(drill)
      return true
    })
  return pairs.toSorted((a, b) => byAge(a.recorded, b.recorded))
}

function byAge(left: Card, right: Card): number {
  return left.at - right.at || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0)
}

/** Words in any language, lower case; a dot inside keeps versions whole. */
export function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]+(?:[.\-_][\p{L}\p{N}]+)*/gu))
}

/** Shared words of all words, to two digits. */
function alikeness(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  const all = new Set([...left, ...right])
  const shared = [...left].filter((word) => right.has(word)).length
  return all.size === 0 ? 1 : Math.round((100 * shared) / all.size) / 100
}

function compareLinks(
  recorded: Canvas,
  drill: Canvas,
  twinOf: ReadonlyMap<string, string>,
): DrillPairs<DrillLink> {
  const left = recorded.links.filter(({ isActive }) => isActive)
  const right = drill.links.filter(({ isActive }) => isActive)
  const waiting = new Map(right.map((link) => [nameOf(link), link]))
  const both: { recorded: DrillLink; drill: DrillLink; alike: number }[] = []
  const alone: Link[] = []
  for (const link of left) {
    const [from, to] = [twinOf.get(link.from) ?? '', twinOf.get(link.to) ?? '']
    const name = nameOf({ ...link, from, to })
    const twin = waiting.get(name)
    if (twin === undefined) {
      alone.push(link)
      continue
    }
    waiting.delete(name)
    both.push({ recorded: linkOf(link, recorded), drill: linkOf(twin, drill), alike: 1 })
  }
  const found = new Set(waiting.values())
  return {
    both,
    only_recorded: alone.map((link) => linkOf(link, recorded)),
    only_drill: right.filter((link) => found.has(link)).map((link) => linkOf(link, drill)),
  }
}

function nameOf({ kind, from, to }: Pick<Link, 'kind' | 'from' | 'to'>): string {
  return JSON.stringify([kind, from, to])
}

function cardOf({ kind, title, by, state }: Card): DrillCard {
  return { kind, title, by: by.name, state }
}

function linkOf({ kind, from, to }: Link, { cards }: Canvas): DrillLink {
  const titleOf = (id: string): string => cards.find((card) => card.id === id)?.title ?? id
  return { kind, from: titleOf(from), to: titleOf(to) }
}
