import { apiPath, askAgain, type Query } from '#lib/api/path.ts'
import type { Incident, IncidentDetail, IncidentRow, Page } from '#lib/contract.ts'
import { pastParams, type PastMoment } from '#lib/time/past.ts'

/** A slider that moves asks once it rests. */
const RESTS_MS = 150
const LIST_ROWS = 20

export interface Around {
  /** What this is of; null is now. */
  past: PastMoment | null
  /** Null when the incident was not there yet, or nobody knew of it. */
  detail: IncidentDetail | null
  incidents: readonly IncidentRow[]
}

/** What was around an incident at the moment the slider shows: its chart and counts, and the incidents that were open. */
export class PastState {
  readonly #incident: Pick<Incident, 'id' | 'number'>
  #around = $state.raw<Around | null>(null)
  #asked = 0

  constructor(incident: Pick<Incident, 'id' | 'number'>) {
    this.#incident = incident
  }

  /** The last answer; it says of which moment it is. */
  get around(): Around | null {
    return this.#around
  }

  /** Returns how to call it off. */
  show(past: PastMoment | null): () => void {
    const timer = setTimeout(() => void this.#read(past), RESTS_MS)
    return () => clearTimeout(timer)
  }

  async #read(past: PastMoment | null): Promise<void> {
    this.#asked += 1
    const turn = this.#asked
    const moment = pastParams(past)
    const status = ['open', 'investigating']
    const { id, number } = this.#incident
    const ask = (query: Query) =>
      askAgain<Page<IncidentRow>>(apiPath('incidents', { ...moment, ...query }))
    const [list, own] = await Promise.all([
      ask({ status, sort: 'severity', limit: LIST_ROWS }),
      ask({ q: `#${number}` }),
    ])
    // Asked for by itself before it was there, it would be an address that is wrong.
    const isThere = own?.items.some((row) => row.id === id) === true
    const path = apiPath(`incidents/${encodeURIComponent(id)}`, moment)
    const detail = isThere ? await askAgain<IncidentDetail>(path) : null
    // A later question may have been answered first.
    if (turn === this.#asked && list !== null)
      this.#around = { past, detail, incidents: list.items }
  }
}
