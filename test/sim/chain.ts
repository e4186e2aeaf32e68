import { createManualClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'
import {
  createServiceDetector,
  restoreServiceDetector,
} from '#/processors/domain/spike/service-detector.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import type { Log } from '#/processors/log/port.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import { tickBatches } from '#/processors/runtime/ticker.ts'
import { createTopology, topicConfigsOf } from '#/processors/topology.ts'
import type { TopologyDeps } from '#/processors/topology.ts'
import { encode } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import {
  CrashError,
  crashingLog,
  createTwinTable,
  encodeEvent,
  keyOfEvent,
  SCHEMA_IDS,
  SCHEMAS,
} from './fixture.ts'
import type { ServiceSnapshot } from '#/processors/domain/spike/service-detector.ts'
import type { CrashPlan } from './fixture.ts'
import type { Occurrence } from './scenario.ts'

export interface ChainOptions {
  seed: number
  partitions: number
  /** Chance of dying at each operation that can be interrupted. */
  crashChance: number
  /** Largest read, in bytes; each read draws its own size up to it. Infinity leaves reads alone. */
  readBytesMax: number
  intent?: boolean
}

export function createTables(plan?: CrashPlan) {
  const table = (topic: string, name: string) =>
    createTwinTable({ topic, name, ...(plan === undefined ? {} : { crash: plan }) })
  return {
    events: table(TOPICS.fingerprinted.name, 'events'),
    derived: [
      table(TOPICS.detections.name, 'detections'),
      table(TOPICS.lifecycle.name, 'incident_events'),
      table(TOPICS.insights.name, 'insights'),
      table(TOPICS.deadLetters.name, 'dead_letters'),
    ],
  }
}

export function chainDeps(
  tables: TopologyDeps['tables'],
  sink: NonNullable<TopologyDeps['sink']>,
): TopologyDeps {
  return {
    schemas: SCHEMAS,
    tables,
    sink,
    optionsOf: () => ({}),
    createDetector: createServiceDetectorFor,
  }
}

export const TICK_TOPICS = {
  telemetryTopic: TOPICS.raw.name,
  clockTopic: TOPICS.clock.name,
  encodeTick: (tick: { number: number; at: number }) => encode('Tick', SCHEMA_IDS.Tick, tick),
}

export async function appendOccurrence(log: Log, partitions: number, occurrence: Occurrence) {
  if (occurrence.kind === 'tick') {
    const tick = { number: Math.floor(occurrence.at / 1000), at: occurrence.at }
    await log.append(tickBatches(TICK_TOPICS, partitions, tick))
    return
  }
  const { event } = occurrence
  const key = Buffer.from(keyOfEvent(event))
  const record = { key, value: encodeEvent(event), timestampMs: event.received_at }
  const partition = partitionOf(key, partitions)
  await log.append([{ topic: TOPICS.raw.name, partition, records: [record] }])
}

/** Plays a scenario through the whole chain in one process that may die at any time, and gives what came of it. */
export async function runChain(scenario: readonly Occurrence[], options: ChainOptions) {
  const random = createSeededRandom(options.seed)
  const plan: CrashPlan = { random, chance: 0, readBytesMax: options.readBytesMax }
  const clock = createManualClock(1)
  const memory = createMemoryLog({ clock })
  const tables = createTables(plan)
  const topology = createTopology(
    chainDeps(tables, {
      delayMs: 0,
      rowsMax: 1 + random.int(200),
      ...(options.intent === undefined ? {} : { intent: options.intent }),
    }),
  )
  const driver = await createDriver({
    log: crashingLog(memory, plan),
    clock,
    random,
    stages: topology.stages,
    topics: topicConfigsOf(topology.stages, {
      partitions: options.partitions,
      retentionMs: Infinity,
    }),
    deadLetters: topology.deadLetters,
  })
  let deaths = 0
  const survive = async (work: () => Promise<unknown>): Promise<void> => {
    plan.chance = options.crashChance
    let next = work
    for (;;) {
      try {
        await next()
        if (next === work) break
        next = work
      } catch (error) {
        if (!(error instanceof CrashError)) throw error
        deaths += 1
        next = () => driver.crashAll()
      }
    }
    plan.chance = 0
  }
  for (let done = 0; done < scenario.length;) {
    const count = 1 + random.int(400)
    for (const occurrence of scenario.slice(done, done + count))
      await appendOccurrence(memory, options.partitions, occurrence)
    done += count
    await survive(() => someSteps(random, () => driver.step()))
    // Moves checkpoints about.
    await clock.advance(random.int(8000))
    if (random.unit() < 0.2) await memory.maintain(clock.nowMs())
  }
  await survive(() => driver.run())
  return { driver, tables, deaths }
}

async function someSteps(random: Random, step: () => Promise<number>): Promise<void> {
  for (let count = random.int(80); count > 0; count -= 1) await step()
}

function createServiceDetectorFor(
  service: { project: string; service: string },
  snapshot?: unknown,
) {
  return snapshot === undefined
    ? createServiceDetector(service)
    : restoreServiceDetector(snapshot as ServiceSnapshot)
}
