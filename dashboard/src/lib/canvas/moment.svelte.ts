import type { HistoryReader } from '#lib/collab/history.ts'
import { foldAt, viewOf } from '#lib/contract.ts'
import type { Knowledge, RoomEvent, RoomView } from '#lib/contract.ts'

/**
 * A moment of the past that the page shows instead of now. The history is read once and folded here by the rules the
 * server uses, so that the slider moves without asking anybody.
 */
export class Moment {
  readonly #incidentId: string
  readonly #read: HistoryReader
  readonly #live: () => readonly RoomEvent[]
  #earlier = $state.raw<readonly RoomEvent[] | null>(null)
  #at = $state<number | null>(null)
  #knowledge = $state<Knowledge>('known')
  #isLost = $state(false)

  readonly #events = $derived.by(() => joined(this.#earlier ?? [], this.#live()))
  readonly #view = $derived.by(() =>
    this.#at === null || this.#events.length === 0
      ? null
      : viewOf(
          foldAt(this.#incidentId, this.#events, { atMs: this.#at, knowledge: this.#knowledge }),
        ),
  )

  constructor(given: {
    incidentId: string
    read: HistoryReader
    live: () => readonly RoomEvent[]
    at: number | null
    knowledge: Knowledge
  }) {
    this.#incidentId = given.incidentId
    this.#read = given.read
    this.#live = given.live
    this.#at = given.at
    this.#knowledge = given.knowledge
    if (given.at !== null) void this.load()
  }

  /** Milliseconds; null is now. */
  get at(): number | null {
    return this.#at
  }
  get knowledge(): Knowledge {
    return this.#knowledge
  }
  /** The room as it was; null for now, or while the history is not here. */
  get view(): RoomView | null {
    return this.#view
  }
  /** All events from the first one on; empty until they were read. */
  get events(): readonly RoomEvent[] {
    return this.#events
  }
  get isLost(): boolean {
    return this.#isLost
  }

  async load(): Promise<void> {
    if (this.#events.length > 0) return
    const read = await this.#read()
    if (read === null) this.#isLost = true
    else this.#earlier = read
  }

  go(at: number | null): void {
    this.#at = at
    if (at !== null) void this.load()
  }

  know(knowledge: Knowledge): void {
    this.#knowledge = knowledge
  }

  /** To the change before or after the moment; past the last one is now. */
  step(direction: -1 | 1): void {
    const at = this.#at ?? Infinity
    const next =
      direction === -1
        ? this.#events.findLast(({ ts }) => ts < at)
        : this.#events.find(({ ts }) => ts > at)
    this.go(direction === 1 && next === undefined ? null : (next?.ts ?? this.#at))
  }
}

/** Both in one order without holes; nothing when the first event is missing. */
function joined(earlier: readonly RoomEvent[], live: readonly RoomEvent[]): readonly RoomEvent[] {
  const last = earlier.at(-1)?.seq ?? 0
  const rest = live.filter(({ seq }) => seq > last)
  const all = (rest[0]?.seq ?? last + 1) === last + 1 ? [...earlier, ...rest] : [...earlier]
  return all[0]?.seq === 1 ? all : []
}
