import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import { createDecoder } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import {
  CrashError,
  crashingLog,
  createTwinTable,
  DEAD_LETTERS,
  encodeEvent,
  eventOf,
  SCHEMA_IDS,
  topicConfigs,
} from '#/test/sim/fixture.ts'
import { createSinkStage } from './sink.ts'
import type { SinkBatch, SinkOptions } from './sink.ts'
import { rowSchemaOf } from './sink-rows.ts'

const TOPIC = TOPICS.raw.name
const letters = createDecoder('DeadLetter')

interface Run {
  seed: number
  chance: number
  options?: Partial<SinkOptions>
  refuses?: (value: Buffer) => boolean
}

/** Writes 60 records through a sink whose process dies now and then, with other batch sizes each time. */
async function run({ seed, chance, options, refuses }: Run) {
  const random = createSeededRandom(seed)
  const clock = createManualClock()
  const plan = { random, chance: 0 }
  const memory = createMemoryLog({ clock })
  const log = crashingLog(memory, plan)
  const table = createTwinTable({
    topic: TOPIC,
    name: 'events',
    crash: plan,
    ...(refuses === undefined ? {} : { refuses }),
  })
  const stage = stageOf(random, table, options)
  const driver = await createDriver({
    log,
    clock,
    random,
    stages: [stage],
    topics: topicConfigs(1, ['sink']),
    deadLetters: DEAD_LETTERS,
  })
  let sent = 0
  const values: string[] = []
  while (values.length < 60) {
    const some = Array.from({ length: 1 + random.int(10) }, () => {
      const value = encodeEvent(eventOf({ event_id: `e${sent++}` }))
      values.push(value.toString('base64'))
      return value
    })
    plan.chance = 0
    await driver.pipe(TOPIC, 'k', some, 0)
    plan.chance = chance
    for (let done = false; !done;) {
      try {
        await driver.run()
        done = true
      } catch (error) {
        if (!(error instanceof CrashError)) throw error
        plan.chance = 0
        await driver.crash('sink')
        plan.chance = chance
      }
    }
  }
  plan.chance = 0
  return { driver, table, values, log }
}

function stageOf(
  random: Random,
  table: ReturnType<typeof createTwinTable>,
  options: Partial<SinkOptions> = {},
) {
  return createSinkStage({
    name: 'sink',
    tables: [table],
    schemaOf: rowSchemaOf(SCHEMA_IDS),
    delayMs: 0,
    // A new bound whenever it is asked, as after a restart with another configuration.
    get rowsMax() {
      return 1 + random.int(12)
    },
    ...options,
  })
}

const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1)

describe('a sink', () => {
  it('[B10] [RT9] writes every record once, in whatever moment its process dies', async () => {
    for (const seed of SEEDS) {
      const { table, values } = await run({ seed, chance: 0.15 })
      expect(
        table.rows().map(({ value }) => value),
        `seed ${seed}`,
      ).toEqual(values)
    }
  })

  it('[RT9] without intents the same runs double rows: the check above can fail', async () => {
    let doubled = 0
    for (const seed of SEEDS) {
      const { table, values } = await run({ seed, chance: 0.15, options: { intent: false } })
      doubled += table.rows().length - values.length
    }
    expect(doubled).toBeGreaterThan(0)
  })

  it('[RT10] rows refused for their data become dead letters, the others stay, kills or not', async () => {
    for (const seed of SEEDS) {
      const refuses = (value: Buffer) => value.includes('e13') || value.includes('e4')
      const { driver, table, values } = await run({ seed, chance: 0.1, refuses })
      const good = values.filter((value) => !refuses(Buffer.from(value, 'base64')))
      expect(
        table.rows().map(({ value }) => value),
        `seed ${seed}`,
      ).toEqual(good)
      const dead = (await driver.read(TOPICS.deadLetters.name)).map((r) => letters.decode(r.value!))
      expect(dead.map(({ offset }) => offset)).toEqual(
        [...values.keys()].filter((offset) => refuses(Buffer.from(values[offset]!, 'base64'))),
      )
    }
  })

  it('[RT9] an owner that stalled inside its insert and the one that took over leave one copy', async () => {
    const clock = createManualClock()
    const twin = createTwinTable({ topic: TOPIC, name: 'events' })
    let takeOver: (() => Promise<void>) | undefined
    const table = {
      ...twin,
      async insert(batch: SinkBatch) {
        const stalled = takeOver
        takeOver = undefined
        await stalled?.()
        await twin.insert(batch)
      },
    }
    const options = { name: 'sink', tables: [table], schemaOf: rowSchemaOf(SCHEMA_IDS), delayMs: 0 }
    const driver = await createDriver({
      log: createMemoryLog({ clock }),
      clock,
      stages: [createSinkStage(options)],
      topics: topicConfigs(1, ['sink']),
      deadLetters: DEAD_LETTERS,
    })
    const send = (...ids: string[]) =>
      driver.pipe(
        TOPIC,
        'k',
        ids.map((id) => encodeEvent(eventOf({ event_id: id }))),
        0,
      )
    await send('1', '2')
    takeOver = async () => {
      await driver.crash('sink')
      await send('3')
      await driver.run()
    }
    const stalled = driver.worker('sink', { topic: TOPIC, partition: 0 })
    await driver.run()
    // It finds out at its next commit that the partition is no longer its own.
    await expect(stalled?.step({ waitMs: 0 })).rejects.toMatchObject({ code: 'stale_owner' })
    expect(twin.rows().map(({ offset }) => offset)).toEqual([0, 1, 2])
    expect(twin.insertCount()).toBe(3)
  })

  it('[RT11] waits for a batch to fill, and not longer than its delay', async () => {
    const clock = createManualClock()
    const table = createTwinTable({ topic: TOPIC, name: 'events' })
    const stage = createSinkStage({
      name: 'sink',
      tables: [table],
      schemaOf: rowSchemaOf(SCHEMA_IDS),
      delayMs: 500,
    })
    const driver = await createDriver({
      log: createMemoryLog({ clock }),
      clock,
      stages: [stage],
      topics: topicConfigs(1, ['sink']),
      deadLetters: DEAD_LETTERS,
    })
    await driver.pipe(TOPIC, 'k', [encodeEvent(eventOf({ event_id: '1' }))], 0)
    await driver.run()
    await driver.pipe(TOPIC, 'k', [encodeEvent(eventOf({ event_id: '2' }))], 0)
    await driver.run()
    expect(table.insertCount()).toBe(0)
    await clock.advance(500)
    await driver.run()
    expect(table.insertCount()).toBe(1)
    expect(table.rows()).toHaveLength(2)
  })
})
