import type { Notice, Pending, Room } from '#lib/collab/client.ts'
import { newId } from '#lib/collab/ids.ts'
import { lastOwnChange } from '#lib/collab/own-change.ts'
import { askedWords, eventSentence, titlesOf } from '#lib/collab/words.ts'
import { viewOf } from '#lib/contract.ts'
import type {
  CommandKind,
  PayloadOf,
  PersonRef,
  Present,
  Rejection,
  RoomEvent,
  RoomState,
  RoomView,
} from '#lib/contract.ts'

/** Where the attention of this tab is: `section`, `section|card` or `section|card|field`. */
export type Place = string

/** A room as components read it: every getter follows the room. What people do goes through `send`. */
export class Workroom {
  readonly #room: Room
  readonly #say: (sentence: string) => void
  #turn = $state(0)
  #refusals = $state.raw<readonly Rejection[]>([])
  readonly #view = $derived.by(() => this.#now(() => viewOf(this.#room.shown)))
  readonly #places = $derived.by(() => this.#now(() => this.#gather()))

  constructor(room: Room, say: (sentence: string) => void) {
    this.#room = room
    this.#say = say
  }

  /** Returns how to leave. */
  follow(): () => void {
    const stop = this.#room.onChange(() => {
      this.#turn += 1
    })
    return () => {
      stop()
      this.#room.close()
    }
  }

  get view(): RoomView {
    return this.#view
  }
  get shown(): RoomState {
    return this.#now(() => this.#room.shown)
  }
  get status(): Room['status'] {
    return this.#now(() => this.#room.status)
  }
  get reason(): string {
    return this.#now(() => this.#room.reason)
  }
  get pending(): readonly Pending[] {
    return this.#now(() => this.#room.pending)
  }
  get people(): readonly Present[] {
    return this.#now(() => this.#room.people)
  }
  get others(): readonly Present[] {
    return this.people.filter(({ id }) => id !== this.you?.id)
  }
  get notices(): readonly Notice[] {
    return this.#now(() => this.#room.notices)
  }
  /** What the rules of this tab refused before anything was sent. */
  get refusals(): readonly Rejection[] {
    return this.#refusals
  }
  get events(): readonly RoomEvent[] {
    return this.#now(() => this.#room.events)
  }
  /** What others did last, for those who hear it; empty when this person did. */
  get news(): string {
    const event = this.events.at(-1)
    return event === undefined || event.actor.id === this.you?.id
      ? ''
      : eventSentence(event, titlesOf(this.view))
  }
  get you(): Room['you'] {
    return this.#now(() => this.#room.you)
  }
  get me(): PersonRef | null {
    const { you } = this
    return you === null ? null : { id: you.id, name: you.name }
  }
  /** Whether the role allows it at all. */
  get mayWrite(): boolean {
    return this.you?.role === 'responder' || this.you?.role === 'admin'
  }
  get isJoined(): boolean {
    const { you } = this
    return you !== null && this.view.people.some(({ id, isJoined }) => id === you.id && isJoined)
  }
  get writes(): boolean {
    return this.mayWrite && this.isJoined
  }

  /** The value asked for, while the answer is not here: shown beside the value that holds. */
  asked(field: string): string {
    const pending = this.pending.findLast(({ expect }) => expect?.field === field)
    return pending === undefined ? '' : askedWords(pending)
  }

  isPending(id: string): boolean {
    return this.pending.some(
      ({ payload }) =>
        payload['id'] === id || (payload['card'] as { id?: string } | undefined)?.id === id,
    )
  }

  /** Who else has the attention there. */
  at(place: Place): readonly Present[] {
    return this.#places.get(place) ?? []
  }

  /** False when it was refused at once; then the reason is among the refusals, and said. */
  send<K extends CommandKind>(kind: K, payload: PayloadOf<K>, rev?: number): boolean {
    const sent = this.#room.send(kind, payload, rev)
    if (sent.ok) return true
    this.#refusals = [...this.#refusals, sent.rejection].slice(-5)
    this.#say(sent.rejection.reason)
    return false
  }

  newId(prefix: string): string {
    return newId(prefix)
  }

  focus(place: Place): void {
    const [section = '', cardId = '', field = ''] = place.split('|')
    this.#room.focus({
      section,
      ...(cardId === '' ? {} : { cardId }),
      ...(field === '' ? {} : { field }),
    })
  }

  /** Takes back this person's last change that still stands, by an event that puts things back. */
  undo(): boolean {
    const seq = lastOwnChange(this.#room.confirmed, this.#room.you?.id ?? '')
    return seq !== null && this.send('undo', { seq })
  }

  dismiss(notice: Notice): void {
    this.#room.dismiss(notice)
  }

  dismissRefusal(refusal: Rejection): void {
    this.#refusals = this.#refusals.filter((one) => one !== refusal)
  }

  /** Reads the room so that whoever asked is told of changes. */
  #now<T>(read: () => T): T {
    void this.#turn
    return read()
  }

  #gather(): ReadonlyMap<Place, readonly Present[]> {
    const places = new Map<Place, Present[]>()
    const you = this.#room.you?.id
    for (const person of this.#room.people) {
      if (person.id === you || person.focus === null) continue
      const { section, cardId = '', field = '' } = person.focus
      const keys = new Set([section])
      // A card is a card in every view of it.
      if (cardId !== '') keys.add(`card|${cardId}`)
      if (field !== '') keys.add(cardId === '' ? `${section}||${field}` : `card|${cardId}|${field}`)
      for (const key of keys) places.set(key, [...(places.get(key) ?? []), person])
    }
    return places
  }
}
