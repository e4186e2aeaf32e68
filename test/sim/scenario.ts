import { createSeededRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'
import type { Event } from '#/schemas/records.ts'
import { eventOf } from './fixture.ts'

/** What happens to a platform, in the order in which it reaches the log. */
export type Occurrence = { kind: 'event'; event: Event } | { kind: 'tick'; at: number }

export interface ScenarioOptions {
  seed: number
  minutes: number
  services?: number
  /** Share of events sent a second time under the same id. */
  repeatShare?: number
}

const START_MS = Date.UTC(2026, 0, 5, 8)
const TICK_MS = 5000
const PHRASES = ['connection to db-? lost', 'timeout after ? ms', 'cart ? has no price']

/** Two projects whose services chatter, and now and then one of them breaks for some minutes. */
export function createScenario(options: ScenarioOptions): Occurrence[] {
  const random = createSeededRandom(options.seed)
  const occurrences: Occurrence[] = []
  const outages = planOutages(random, options)
  const seen: Event[] = []
  let count = 0
  for (let at = START_MS; at < START_MS + options.minutes * 60_000; at += TICK_MS) {
    for (let service = 0; service < (options.services ?? 4); service += 1) {
      const minute = (at - START_MS) / 60_000
      const isBroken = outages.some(
        (o) => o.service === service && minute >= o.from && minute < o.to,
      )
      const errors = (isBroken ? 5 : 0) + (random.unit() < 0.02 ? 1 : 0)
      const requests = 1 + random.int(2)
      for (let n = 0; n < errors + requests; n += 1) {
        const isError = n < errors
        const event = makeEvent(random, { service, isError, at, id: `e${count++}` })
        occurrences.push({ kind: 'event', event })
        seen.push(event)
      }
    }
    if (random.unit() < (options.repeatShare ?? 0.1))
      occurrences.push({ kind: 'event', event: random.pick(seen) })
    occurrences.push({ kind: 'tick', at: at + TICK_MS })
  }
  return occurrences
}

function planOutages(random: Random, { minutes, services }: ScenarioOptions) {
  return Array.from({ length: 1 + Math.floor(minutes / 15) }, () => {
    const from = random.int(Math.max(1, minutes - 5))
    return { service: random.int(services ?? 4), from, to: from + 2 + random.int(6) }
  })
}

function makeEvent(
  random: Random,
  { service, isError, at, id }: { service: number; isError: boolean; at: number; id: string },
): Event {
  const receivedAt = at + random.int(TICK_MS)
  const common = {
    project: service % 2 === 0 ? 'shop' : 'bank',
    service: `service-${service}`,
    event_id: id,
    id_made: false,
    received_at: receivedAt,
    occurred_at: receivedAt - random.int(3000),
    user_id: `u${random.int(50)}`,
    host: `h${random.int(3)}`,
    route: random.pick(['/a', '/b']),
  }
  if (!isError)
    return eventOf({
      ...common,
      event_type: 'http_request',
      severity: 2,
      status_code: 200,
      duration_ms: random.int(90),
    })
  const message = random.pick(PHRASES).replace('?', String(random.int(900)))
  return eventOf({ ...common, message, error_type: 'IOError', status_code: 500 })
}
