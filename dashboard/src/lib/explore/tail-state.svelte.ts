import type { EventView, Frame, SearchView } from '#lib/contract.ts'
import { uniqueBy } from '#lib/list/unique.ts'
import { matchesSelection, type Selection } from '#lib/explore/query.ts'

/** Rows a tab keeps; past it the oldest go, and can be loaded again by a narrower range. */
export const ROWS_MAX = 100_000

/** Ids of events are unique within a service only. */
export function eventKey(event: EventView): string {
  return `${event.service} ${event.event_id}`
}

/**
 * The rows of Explore, newest first. Live events join at the top; while the reader scrolls, reads or selects
 * they wait, and are only counted.
 */
export class TailState {
  #rows = $state.raw<readonly EventView[]>([])
  #waiting = $state.raw<readonly EventView[]>([])
  #cursor = $state.raw<string | null>(null)
  #loading = $state(false)
  #held = $state(false)
  #sampledOut = $state(0)
  readonly #selection: Selection
  readonly #known: Set<string>

  constructor(view: SearchView, selection: Selection) {
    this.#rows = uniqueBy(view.items, eventKey)
    this.#cursor = view.next
    this.#selection = selection
    this.#known = new Set(view.items.map((event) => eventKey(event)))
  }

  get rows(): readonly EventView[] {
    return this.#rows
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  get held(): boolean {
    return this.#held
  }

  get loading(): boolean {
    return this.#loading
  }

  /** Whether older rows can be loaded. */
  get hasMore(): boolean {
    return this.#cursor !== null && this.#rows.length < ROWS_MAX
  }

  /** Live events that the stream left out because frames carry a sample. */
  get sampledOut(): number {
    return this.#sampledOut
  }

  /** Hold new rows back, or let them in. */
  hold(held: boolean): void {
    this.#held = held
    if (!held) this.release()
  }

  /** Rows that waited join at the top. */
  release(): void {
    if (this.#waiting.length === 0) return
    this.#rows = [...this.#waiting, ...this.#rows].slice(0, ROWS_MAX)
    this.#waiting = []
  }

  apply(frames: readonly Frame[]): void {
    const fresh: EventView[] = []
    let leftOut = 0
    for (const frame of frames) {
      leftOut += Math.max(0, frame.count - frame.events.length)
      for (const event of frame.events) {
        if (this.#known.has(eventKey(event)) || !matchesSelection(event, this.#selection)) continue
        this.#known.add(eventKey(event))
        fresh.push(event)
      }
    }
    if (leftOut > 0) this.#sampledOut += leftOut
    if (fresh.length === 0) return
    if (this.#known.size > 2 * ROWS_MAX) this.#forget()
    // Frames come oldest first, rows stand newest first.
    this.#waiting = [...fresh.toReversed(), ...this.#waiting].slice(0, ROWS_MAX)
    if (!this.#held) this.release()
  }

  /** Loads the next older rows through `load`; at most one at a time. */
  async more(load: (cursor: string) => Promise<SearchView | null>): Promise<void> {
    if (this.#loading || this.#cursor === null || !this.hasMore) return
    this.#loading = true
    try {
      const view = await load(this.#cursor)
      if (view === null) return
      const older = uniqueBy(view.items, eventKey).filter(
        (event) => !this.#known.has(eventKey(event)),
      )
      for (const event of older) this.#known.add(eventKey(event))
      this.#rows = [...this.#rows, ...older].slice(0, ROWS_MAX)
      this.#cursor = view.next
    } finally {
      this.#loading = false
    }
  }

  #forget(): void {
    this.#known.clear()
    for (const event of [...this.#rows, ...this.#waiting]) this.#known.add(eventKey(event))
  }
}
