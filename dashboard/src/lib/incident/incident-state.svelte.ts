import { apiPath, askAgain } from '#lib/api/path.ts'
import type { IncidentDetail } from '#lib/contract.ts'
import type { Shell } from '#lib/live/context.ts'

const REFRESH_MS_MIN = 1000
/** While it is open: its counts and its chart are read together, so that they agree. */
const REFRESH_MS_OPEN = 5000

/** An incident that is read again when a frame says it changed, and every few seconds while it goes on. */
export class IncidentState {
  #detail = $state.raw<IncidentDetail>()!

  constructor(detail: IncidentDetail) {
    this.#detail = detail
  }

  get detail(): IncidentDetail {
    return this.#detail
  }

  /** Returns how to stop. */
  keepFresh({ feed }: Shell): () => void {
    const { id } = this.#detail.incident
    let timer: ReturnType<typeof setTimeout> | undefined
    let isSoon = false
    const after = (delayMs: number): void => {
      clearTimeout(timer)
      timer = setTimeout(refresh, delayMs)
    }
    const next = (): void => {
      isSoon = false
      if (this.#detail.incident.status !== 'resolved') after(REFRESH_MS_OPEN)
    }
    const refresh = async (): Promise<void> => {
      if (document.hidden || feed.status === 'paused') return next()
      const path = apiPath(`incidents/${encodeURIComponent(id)}`)
      const detail = await askAgain<IncidentDetail>(path)
      if (detail !== null) this.#detail = detail
      next()
    }
    const stop = feed.listen((frames) => {
      if (isSoon || !frames.some((frame) => frame.incidents.some((row) => row.id === id))) return
      isSoon = true
      after(REFRESH_MS_MIN)
    })
    next()
    return () => {
      clearTimeout(timer)
      stop()
    }
  }
}
