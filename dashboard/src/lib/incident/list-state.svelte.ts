import type { Frame, IncidentRow } from '#lib/contract.ts'
import { patchIncidents } from '#lib/live/frames.ts'

/** A list of incidents that changes in place; new ones are only counted, since they may not fit the filters. */
export class IncidentListState {
  #rows = $state.raw<readonly IncidentRow[]>([])
  #fresh = $state.raw<ReadonlySet<string>>(new Set())

  constructor(rows: readonly IncidentRow[]) {
    this.#rows = rows
  }

  get rows(): readonly IncidentRow[] {
    return this.#rows
  }

  get freshCount(): number {
    return this.#fresh.size
  }

  apply(frames: readonly Frame[]): void {
    const changed = frames.flatMap((frame) => frame.incidents)
    if (changed.length === 0) return
    const { rows, fresh } = patchIncidents(this.#rows, changed)
    this.#rows = rows
    this.#fresh = new Set([...this.#fresh, ...fresh.map((row) => row.id)])
  }
}
