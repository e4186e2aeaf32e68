/** What was acknowledged, counted apart from the platform: the oracle of the chaos test. */
export interface Ledger {
  note(event: LedgerEvent): void
  readonly total: number
  /** Acknowledged events by service; their sequence numbers are 0 … count - 1. */
  readonly services: ReadonlyMap<string, number>
  /** Events by `service|bucket`, the bucket in seconds since the epoch. */
  readonly minutes: ReadonlyMap<string, number>
  readonly hours: ReadonlyMap<string, number>
  readonly errors: number
}

export interface LedgerEvent {
  service: string
  sequence: number
  occurredAtMs: number
  isError: boolean
}

const MINUTE_S = 60
const HOUR_S = 3600

export function bucketKey(service: string, atMs: number, lengthS: number): string {
  return `${service}|${Math.floor(atMs / 1000 / lengthS) * lengthS}`
}

export function createLedger(): Ledger {
  const services = new Map<string, number>()
  const minutes = new Map<string, number>()
  const hours = new Map<string, number>()
  let total = 0
  let errors = 0
  const add = (map: Map<string, number>, key: string): void => {
    map.set(key, (map.get(key) ?? 0) + 1)
  }
  return {
    note({ service, sequence, occurredAtMs, isError }) {
      // A lane sends the next batch only after the one before was acknowledged.
      if (sequence !== (services.get(service) ?? 0)) throw new Error(`${service} skips ${sequence}`)
      add(services, service)
      add(minutes, bucketKey(service, occurredAtMs, MINUTE_S))
      add(hours, bucketKey(service, occurredAtMs, HOUR_S))
      total += 1
      if (isError) errors += 1
    },
    get total() {
      return total
    },
    get errors() {
      return errors
    },
    services,
    minutes,
    hours,
  }
}
