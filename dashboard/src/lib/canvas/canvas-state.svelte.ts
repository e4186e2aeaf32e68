import type { BoardView } from '#lib/canvas/board.ts'
import { freePlace } from '#lib/canvas/board.ts'
import type { Moment } from '#lib/canvas/moment.svelte.ts'
import type { Workroom } from '#lib/collab/workroom.svelte.ts'
import type { Card, PayloadOf, Present, RoomView } from '#lib/contract.ts'

interface Start {
  shows: BoardView
  selected: string
}

/** What the canvas shows: the room now or at a moment of the past, in one of three views, with one card selected. */
export class CanvasState {
  readonly room: Workroom
  readonly moment: Moment
  #shows = $state<BoardView>('plane')
  #selected = $state('')
  /** A link somebody drew, whose kind is not chosen yet. */
  drawn = $state.raw<{ from: string; to: string } | null>(null)
  hidesInvalidated = $state(false)

  constructor(room: Workroom, moment: Moment, { shows, selected }: Start) {
    this.room = room
    this.moment = moment
    this.#shows = shows
    this.#selected = selected
  }

  get view(): RoomView {
    return this.moment.view ?? this.room.view
  }
  /** The past is read, not written. */
  get writes(): boolean {
    return this.room.writes && this.moment.at === null
  }
  get cards(): readonly Card[] {
    const { cards } = this.view
    return this.hidesInvalidated ? cards.filter(({ state }) => state !== 'invalidated') : cards
  }
  get shows(): BoardView {
    return this.#shows
  }
  get selected(): Card | null {
    return this.view.cards.find(({ id }) => id === this.#selected) ?? null
  }
  get selectedId(): string {
    return this.#selected
  }

  /** The selection stays: the same card is selected in every view. */
  show(shows: BoardView): void {
    this.#shows = shows
    this.room.focus(this.#selected === '' ? this.#section : `${this.#section}|${this.#selected}`)
  }

  select(id: string): void {
    if (this.#selected === id) return
    this.#selected = id
    this.room.focus(id === '' ? this.#section : `${this.#section}|${id}`)
  }

  /** Who else is at a card. */
  on(cardId: string): readonly Present[] {
    return this.moment.at === null ? this.room.at(`card|${cardId}`) : []
  }

  add(kind: Card['kind'], title: string, more: Partial<PayloadOf<'card_create'>> = {}): boolean {
    const id = this.room.newId('c')
    const place = freePlace(this.view.cards, kind)
    if (!this.room.send('card_create', { id, kind, title, ...place, ...more })) return false
    this.select(id)
    return true
  }

  draw(from: string, to: string): void {
    if (from !== to) this.drawn = { from, to }
  }

  get #section(): string {
    return this.#shows === 'plane' ? 'canvas' : this.#shows === 'time' ? 'timeline' : 'outline'
  }
}
