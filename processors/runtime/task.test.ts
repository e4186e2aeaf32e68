import { describe, expect, it } from 'vitest'
import { AssertionError } from '#/kernel/assert.ts'
import { createManualClock } from '#/kernel/clock.ts'
import type { Clock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { CrashError, crashingLog, DEAD_LETTERS } from '#/test/sim/fixture.ts'
import { stateTopicOf } from './changelog.ts'
import { createDriver } from './driver.ts'
import { deadLetter, drop, OK, redirect } from './record.ts'
import { RewindError } from './stage.ts'
import type { CreateProcessor } from './stage.ts'
import { jsonCodec } from './store.ts'
import { createTaskStage } from './task.ts'
import type { TaskOptions } from './task.ts'

const topic = (name: string, compacted = false) => ({
  name,
  partitions: 1,
  retentionMs: Infinity,
  retentionBytes: Infinity,
  compacted,
})
const TOPICS = [
  topic('in'),
  topic('out'),
  topic('aside'),
  topic(DEAD_LETTERS.topic),
  topic(stateTopicOf('count'), true),
]

/** Counts words: each record answers with its word and how often it has come. */
const createCounter: CreateProcessor = (context) => {
  const counts = context.openStore<{ count: number }>(
    'counts',
    jsonCodec(() => ({ count: 0 })),
  )
  return {
    process({ value, timestampMs }) {
      const word = String(value)
      if (word === 'poison') return deadLetter('invalid_event', 'poison')
      if (word === 'skip') return drop('skipped')
      if (word === 'aside') return redirect('aside', 'put aside')
      if (word === 'throw') throw new TypeError('a bug')
      if (word === 'broken') throw new AssertionError('an invariant')
      const entry = counts.take(word)
      entry.count += 1
      const answer = Buffer.from(`${word} ${entry.count}`)
      context.emit('out', 0, { key: value, value: answer, timestampMs })
      return OK
    },
  }
}

/** Keeps one long text. */
const createKeeper: CreateProcessor = (context) => {
  const texts = context.openStore<{ text: string }>(
    'texts',
    jsonCodec(() => ({ text: '' })),
  )
  return {
    process({ value }) {
      const entry = texts.take('\0\u0001/odd key')
      entry.text = String(value).repeat(entry.text === '' ? 600_000 : 1)
      return OK
    },
  }
}

/** As Kafka after a week without members. */
function forgettingLog(memory: Log, plan: { forgets: boolean }): Log {
  return new Proxy(memory, {
    get: (target, name) => {
      if (name === 'committed' && plan.forgets) return async () => undefined
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

async function start(options: Partial<TaskOptions> & { log?: Log; clock?: Clock } = {}) {
  const clock = options.clock ?? createManualClock()
  const log = options.log ?? createMemoryLog({ clock })
  const stage = createTaskStage({
    name: 'count',
    inputs: ['in'],
    outputs: ['out'],
    createProcessor: createCounter,
    ...options,
  })
  const driver = await createDriver({
    log,
    clock,
    stages: [stage],
    topics: TOPICS,
    deadLetters: DEAD_LETTERS,
  })
  const say = (...words: string[]) =>
    driver.pipe(
      'in',
      'k',
      words.map((word) => Buffer.from(word)),
      0,
    )
  const heard = async (name = 'out') => (await driver.read(name)).map(({ value }) => String(value))
  return { clock, log, driver, stage, say, heard }
}

describe('a task', () => {
  it('[RT1] [RT4] goes on after a kill with the state it had, whenever the last checkpoint was', async () => {
    for (const checkpointRecords of [1, 3, 1000]) {
      const { driver, say, heard } = await start({ checkpointRecords })
      await say('a', 'b', 'a')
      await driver.run()
      await driver.crash('count')
      await say('a', 'b')
      await driver.run()
      await driver.crash('count')
      await say('a')
      await driver.run()
      expect(await heard()).toEqual(['a 1', 'b 1', 'a 2', 'a 3', 'b 2', 'a 4'])
    }
  })

  it('[RT7] goes on from its progress record when the log forgot the offset of the group', async () => {
    const clock = createManualClock()
    const memory = createMemoryLog({ clock })
    const plan = { forgets: false }
    const { driver, say, heard } = await start({ clock, log: forgettingLog(memory, plan) })
    await say('a', 'b', 'a')
    await driver.run()
    plan.forgets = true
    await driver.crash('count')
    await say('a')
    await driver.run()
    expect(await heard()).toEqual(['a 1', 'b 1', 'a 2', 'a 3'])
  })

  it('[RT2] outputs, offset and state appear together or not at all, at every point of death', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = createSeededRandom(seed)
      const clock = createManualClock()
      const memory = createMemoryLog({ clock })
      const plan = { random, chance: 0 }
      const { driver, say, heard } = await start({
        clock,
        log: crashingLog(memory, plan),
        batchBytesMax: 1 + random.int(60),
        checkpointRecords: 1 + random.int(6),
      })
      const words = Array.from({ length: 30 }, () => random.pick(['a', 'b', 'c']))
      const counts = new Map<string, number>()
      const wanted = words.map((word) => {
        counts.set(word, (counts.get(word) ?? 0) + 1)
        return `${word} ${counts.get(word)}`
      })
      await say(...words)
      plan.chance = 0.2
      for (let done = false; !done;) {
        try {
          await driver.run()
          done = true
        } catch (error) {
          expect(error).toBeInstanceOf(CrashError)
          plan.chance = 0
          await driver.crash('count')
          plan.chance = 0.2
        }
      }
      plan.chance = 0
      expect(await heard(), `seed ${seed}`).toEqual(wanted)
    }
  })

  it('[RT3] each result goes where it says, and is counted', async () => {
    const { driver, say, heard } = await start()
    await say('a', 'poison', 'skip', 'aside', 'throw', 'a')
    await driver.run()
    expect(await heard()).toEqual(['a 1', 'a 2'])
    expect(await heard('aside')).toEqual(['aside'])
    expect(await driver.read(DEAD_LETTERS.topic)).toHaveLength(2)
    const count = (result: string) =>
      driver.metrics.read('faultline_stage_records_total', { stage: 'count', result })
    expect(['ok', 'skipped', 'put aside', 'dlq'].map(count)).toEqual([2, 1, 1, 2])
  })

  it('[RT3] a broken invariant stops the task and writes nothing', async () => {
    const { driver, say, heard } = await start()
    await say('a', 'broken')
    await expect(driver.run()).rejects.toThrow('an invariant')
    expect(await heard()).toEqual([])
  })

  it('[RT6] a run of dead letters stops the stage; what was done until then stands', async () => {
    const limits = { runMax: 3, ratioMax: 1, windowRecords: 100 }
    const { driver, say } = await start({ deadLetterLimits: limits })
    await say('a', 'poison', 'poison', 'poison', 'poison', 'a')
    await expect(driver.run()).rejects.toMatchObject({ code: 'dead_letters_exceeded' })
    expect(await driver.read(DEAD_LETTERS.topic)).toHaveLength(3)
    await driver.crash('count')
    await driver.run()
    expect(await driver.read(DEAD_LETTERS.topic)).toHaveLength(4)
  })

  it('[RT6] a share of dead letters stops the stage, too', async () => {
    const limits = { runMax: 100, ratioMax: 0.5, windowRecords: 10 }
    const { driver, say } = await start({ deadLetterLimits: limits })
    await say('poison', 'poison', 'a', 'poison', 'poison', 'a')
    await expect(driver.run()).rejects.toMatchObject({ code: 'dead_letters_exceeded' })
  })

  it('[RT7] an offset set back is a request to replay, one set forward is a skip', async () => {
    const { driver, log, say, heard } = await start()
    await say('a', 'a', 'b', 'b', 'a')
    await driver.run()
    await log.resetOffsets('count', [{ topic: 'in', partition: 0, offset: 1, metadata: '' }])
    await expect(driver.restart('count')).rejects.toBeInstanceOf(RewindError)

    const skipping = await start()
    await skipping.say('a', 'a')
    await skipping.driver.run()
    await skipping.driver.restart('count')
    await skipping.say('skipped', 'a')
    const commit = { topic: 'in', partition: 0, offset: 3, metadata: '' }
    await skipping.log.resetOffsets('count', [commit])
    await skipping.driver.crash('count')
    await skipping.driver.crash('count')
    await skipping.driver.run()
    expect(await skipping.heard()).toEqual(['a 1', 'a 2', 'a 3'])
    expect(await heard()).toHaveLength(5)
  })

  it('[RT5] a value larger than a chunk comes back whole, and a shorter one after it', async () => {
    const { driver, say } = await start({ createProcessor: createKeeper, checkpointRecords: 1 })
    const state = async () =>
      JSON.parse(
        String((await driver.state('count', 0)).get('texts')?.get('\0\u0001/odd key')),
      ) as { text: string }
    await say('x')
    await driver.run()
    expect((await state()).text).toHaveLength(600_000)
    await driver.crash('count')
    await say('y')
    await driver.run()
    expect(await state()).toEqual({ text: 'y' })
  })
})
