import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log, ProducedRecord } from '#/processors/log/port.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import type { Stage } from '#/processors/runtime/stage.ts'
import { createTopology, topicConfigsOf } from '#/processors/topology.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { chainDeps, TICK_TOPICS } from '#/test/sim/chain.ts'
import { encodeEvent, eventOf, keyOfEvent } from '#/test/sim/fixture.ts'
import { tickBatches } from '#/processors/runtime/ticker.ts'
import type { SinkTable } from '#/processors/stages/sink.ts'
import type { Event } from '#/schemas/records.ts'

const EVENTS = 60_000
const ROUNDS = 3
const START_MS = Date.UTC(2026, 0, 5, 8)
/** Events of one second between two ticks, as at 5,000 events a second. */
const EVENTS_PER_TICK = 5000

/** Takes everything and keeps nothing: what is measured is the sink's own work. */
function nullTable(topic: string, name: string): SinkTable {
  const nothing = async (): Promise<void> => undefined
  return {
    topic,
    name,
    insert: nothing,
    isDataError: () => false,
    createShadow: nothing,
    exchange: nothing,
    revert: nothing,
    drop: nothing,
    hash: async () => ({ rows: 0, hash: '' }),
    measure: async () => ({ rows: 0, hash: '' }),
    hashUpTo: async () => ({ rows: 0, hash: '' }),
  }
}

/** A quarter errors with text, the others requests; twenty services of one project. */
function makeEvent(index: number, random: ReturnType<typeof createSeededRandom>): Event {
  const at = START_MS + Math.floor(index / 5)
  const common = {
    event_id: `0190c1a4-0000-7000-8000-${index.toString(16).padStart(12, '0')}`,
    received_at: at,
    occurred_at: at - 100,
    service: `service-${random.int(20)}`,
    release: 'v1.20.3',
    host: `node-${random.int(8)}`,
    route: random.pick(['/api/cart', '/api/checkout', '/api/users/:id']),
    user_id: `user-${random.int(5000)}`,
    request_id: `req-${index}`,
    trace_id: index.toString(16).padStart(32, '0'),
    attributes: { region: 'eu-west-1', tenant: `t${random.int(30)}` },
  }
  if (index % 4 !== 0)
    return eventOf({
      ...common,
      event_type: 'http_request',
      severity: 2,
      status_code: 200,
      duration_ms: 20 + random.int(80),
    })
  const host = `db-${random.int(9)}`
  return eventOf({
    ...common,
    error_type: 'TimeoutError',
    message: `query on ${host} timed out after ${random.int(9000)} ms (attempt ${random.int(4)})`,
    status_code: 500,
  })
}

async function fill(log: Log): Promise<void> {
  const random = createSeededRandom(7)
  let records: ProducedRecord[] = []
  for (let index = 0; index < EVENTS; index += 1) {
    const event = makeEvent(index, random)
    const key = Buffer.from(keyOfEvent(event))
    records.push({ key, value: encodeEvent(event), timestampMs: event.received_at })
    if (records.length < EVENTS_PER_TICK) continue
    await log.append([{ topic: TOPICS.raw.name, partition: 0, records }])
    const at = event.received_at
    await log.append(tickBatches(TICK_TOPICS, 1, { number: Math.floor(at / 1000), at }))
    records = []
  }
}

async function measure(): Promise<Map<string, number>> {
  const tables = {
    events: nullTable(TOPICS.fingerprinted.name, 'events'),
    derived: [nullTable(TOPICS.lifecycle.name, 'incident_events')],
  }
  const { stages, deadLetters } = createTopology(chainDeps(tables, { delayMs: 0 }))
  const log = createMemoryLog({ clock: systemClock })
  await log.createTopics(topicConfigsOf(stages, { partitions: 1, retentionMs: Infinity }))
  await fill(log)
  const costs = new Map<string, number>()
  for (const stage of stages) costs.set(stage.name, await costOf(stage))
  return costs

  async function costOf(stage: Stage): Promise<number> {
    const topics = topicConfigsOf(stages, { partitions: 1, retentionMs: Infinity })
    const driver = await createDriver({
      log,
      clock: systemClock,
      stages: [stage],
      topics,
      deadLetters,
    })
    const before = process.cpuUsage()
    await driver.run()
    const { user, system } = process.cpuUsage(before)
    await driver.close()
    return (user + system) / EVENTS
  }
}

/** CPU µs of each stage per event that came in, on the memory log. */
export async function run(print: (line: string) => void): Promise<void> {
  const rounds: Map<string, number>[] = []
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measure())
  let sum = 0
  for (const stage of rounds[0]?.keys() ?? []) {
    const costs = rounds.map((round) => round.get(stage) ?? 0).toSorted((a, b) => a - b)
    const median = costs[Math.floor(costs.length / 2)] ?? 0
    sum += median
    print(`${stage.padEnd(14)} ${median.toFixed(2)} µs/event`)
  }
  print(`${'sum'.padEnd(14)} ${sum.toFixed(2)} µs/event (${Math.round(1e6 / sum)} events/s a core)`)
}
