/** Cards and links as the canvas library wants them. Pure; what did not change stays the same object. */
import type { Edge, Node } from '@xyflow/svelte'

import { CARD_WORDS, LINK_WORDS } from '#lib/collab/words.ts'
import type { Card, Link } from '#lib/contract.ts'

export type CardNode = Node<{ card: Card }, 'card'>

const SAME: readonly (keyof Card)[] = ['title', 'state', 'reason', 'x', 'y', 'kind']

function looksAlike(left: Card, right: Card): boolean {
  return (
    SAME.every((key) => left[key] === right[key]) &&
    left.stateBy.id === right.stateBy.id &&
    left.verdict?.at === right.verdict?.at &&
    (left.claim === null) === (right.claim === null)
  )
}

export interface NodeOptions {
  selectedId: string
  isDraggable: boolean
  /** Cards under a pointer: they stay where the hand is. */
  held: ReadonlySet<string>
}

export function nodesOf(
  cards: readonly Card[],
  before: readonly CardNode[],
  { selectedId, isDraggable, held }: NodeOptions,
): CardNode[] {
  const known = new Map(before.map((node) => [node.id, node]))
  return cards.map((card) => {
    const old = known.get(card.id)
    const selected = card.id === selectedId
    if (
      old !== undefined &&
      looksAlike(old.data.card, card) &&
      old.selected === selected &&
      old.draggable === isDraggable &&
      (held.has(card.id) || (old.position.x === card.x && old.position.y === card.y))
    )
      return old
    const position =
      held.has(card.id) && old !== undefined ? old.position : { x: card.x, y: card.y }
    const label = `${CARD_WORDS[card.kind].name}, ${card.state}: ${card.title}`
    return {
      ...old,
      id: card.id,
      type: 'card',
      position,
      data: { card },
      selected,
      draggable: isDraggable,
      ariaLabel: label,
    }
  })
}

export function edgesOf(links: readonly Link[], cards: readonly Card[]): Edge[] {
  const known = new Map(cards.map((card) => [card.id, card]))
  return links.flatMap((link) => {
    const from = known.get(link.from)
    const to = known.get(link.to)
    if (!link.isActive || from === undefined || to === undefined) return []
    const { verb } = LINK_WORDS[link.kind]
    return [
      {
        id: link.id,
        source: link.from,
        target: link.to,
        // The sides that face each other, so that no link goes around a card.
        ...(from.x <= to.x
          ? { sourceHandle: 'right', targetHandle: 'left' }
          : { sourceHandle: 'left', targetHandle: 'right' }),
        label: verb,
        class: `link-${link.kind}`,
        ariaLabel: `${from.title} ${verb} ${to.title}`,
        markerEnd: { type: 'arrowclosed' as never },
      },
    ]
  })
}
