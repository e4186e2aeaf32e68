import type { Frame, IncidentRow, Page } from '#lib/contract.ts'
import { uniqueBy } from '#lib/list/unique.ts'
import { patchIncidents } from '#lib/live/frames.ts'

/**
 * A list of incidents that changes in place and grows at its end; new ones are only counted, since they may not fit
 * the filters.
 */
export class IncidentListState {
  #rows = $state.raw<readonly IncidentRow[]>([])
  #fresh = $state.raw<ReadonlySet<string>>(new Set())
  #cursor = $state.raw<string | null>(null)
  #loading = $state(false)

  constructor({ items, next }: Page<IncidentRow>) {
    this.#rows = uniqueBy(items, (row) => row.id)
    this.#cursor = next
  }

  get rows(): readonly IncidentRow[] {
    return this.#rows
  }

  get freshCount(): number {
    return this.#fresh.size
  }

  get hasMore(): boolean {
    return this.#cursor !== null
  }

  get loading(): boolean {
    return this.#loading
  }

  apply(frames: readonly Frame[]): void {
    const changed = frames.flatMap((frame) => frame.incidents)
    if (changed.length === 0) return
    const { rows, fresh } = patchIncidents(this.#rows, changed)
    this.#rows = rows
    // A row further down that was not loaded yet is not new.
    const opened = fresh.filter((row) => row.status !== 'resolved')
    this.#fresh = new Set([...this.#fresh, ...opened.map((row) => row.id)])
  }

  /** Loads the next window through `load`; at most one at a time. */
  async more(load: (cursor: string) => Promise<Page<IncidentRow> | null>): Promise<void> {
    if (this.#loading || this.#cursor === null) return
    this.#loading = true
    try {
      const page = await load(this.#cursor)
      if (page === null) return
      this.#rows = uniqueBy([...this.#rows, ...page.items], (row) => row.id)
      this.#cursor = page.next
    } finally {
      this.#loading = false
    }
  }
}
