import type { Detection } from '#/processors/domain/spike/types.ts'

/** Requests of one service in one minute. */
interface RequestMinute {
  minute: number
  requests: number
  failures: number
}

export type SavedRequests = readonly (readonly [string, readonly RequestMinute[]])[]

const MINUTE_MS = 60_000
/** What a burn rate looks back. */
const WINDOW_MIN = 15
/** A share of fewer requests is chance. */
const REQUESTS_MIN = 30
/** Services kept; the one heard of longest ago goes first. */
const SERVICES_MAX = 2000

/** Requests and failed requests of services in alarm, minute by minute, for the error budget. */
export class RequestBook {
  readonly #services: Map<string, RequestMinute[]>

  constructor(saved: SavedRequests = []) {
    this.#services = new Map(
      saved.map(([place, minutes]) => [place, minutes.map((one) => ({ ...one }))]),
    )
  }

  /** Every member of a service tells the same minute: it counts once. */
  note({ environment, service, startedAtMs, requests }: Detection): void {
    if (requests === undefined) return
    const place = `${environment}/${service}`
    const minute = Math.floor(startedAtMs / MINUTE_MS)
    const known = this.#services.get(place) ?? []
    if (known.some((one) => one.minute === minute)) return
    const kept = known.filter((one) => one.minute > minute - WINDOW_MIN)
    kept.push({ minute, requests: requests.all, failures: requests.failed })
    this.#services.delete(place)
    this.#services.set(place, kept)
    if (this.#services.size <= SERVICES_MAX) return
    const oldest = this.#services.keys().next().value
    if (oldest !== undefined) this.#services.delete(oldest)
  }

  /** Times the share of failed requests is above what the objective allows, in the worst of these places; null without requests. */
  burn(places: Iterable<string>, at: { nowMs: number; allowedShare: number }): number | null {
    const from = Math.floor(at.nowMs / MINUTE_MS) - WINDOW_MIN
    let worst: number | null = null
    for (const place of places) {
      let requests = 0
      let failures = 0
      for (const one of this.#services.get(place) ?? []) {
        if (one.minute < from) continue
        requests += one.requests
        failures += one.failures
      }
      if (requests < REQUESTS_MIN) continue
      worst = Math.max(worst ?? 0, failures / requests / at.allowedShare)
    }
    return worst
  }

  save(): SavedRequests {
    return [...this.#services]
  }
}
