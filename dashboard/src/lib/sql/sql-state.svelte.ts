import { createApi, type SqlAnswer } from '#lib/api/client.ts'

/** A query that can be cancelled, and what came of the last one. */
export class SqlState {
  #answer = $state.raw<SqlAnswer | null>(null)
  #running = $state(false)
  #startedAt = $state(0)
  #abort: AbortController | null = null

  constructor(answer: SqlAnswer | null) {
    this.#answer = answer
  }

  get answer(): SqlAnswer | null {
    return this.#answer
  }

  get running(): boolean {
    return this.#running
  }

  get startedAt(): number {
    return this.#startedAt
  }

  async run(sql: string, now: number): Promise<void> {
    this.#abort?.abort()
    const abort = new AbortController()
    this.#abort = abort
    this.#running = true
    this.#startedAt = now
    const api = createApi((input, init) => fetch(input, { ...init, signal: abort.signal }))
    const answer = await api.sql(sql)
    if (this.#abort !== abort) return
    this.#abort = null
    this.#running = false
    this.#answer = answer
  }

  /** The server notices that nobody waits, and stops the query too. */
  cancel(): void {
    this.#abort?.abort()
    this.#abort = null
    this.#running = false
    this.#answer = { ok: false, sentence: 'You cancelled the query.' }
  }
}
