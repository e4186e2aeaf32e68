import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { expectCode } from '#/processors/log/contract-suite-kit.ts'
import type { Log } from '#/processors/log/port.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { openConfigFollower, type ConfigFollower } from './config-follower.ts'
import { openConfigTopic, type ConfigTopic } from './config-topic.ts'
import { createTestApp, type TestApp } from './test-app.ts'

let app: TestApp
const closers: (() => Promise<void>)[] = []
const problems: unknown[] = []

beforeEach(async () => {
  app = await createTestApp({ clock: systemClock })
})
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
  await app.close()
  problems.length = 0
})

/** The log, with every read of the configuration topic written down. */
function watched(log: Log, reads: number[]): Log {
  const read: Log['read'] = (tp, from, options) => {
    if (tp.topic === TOPICS.config.name) reads.push(from)
    return log.read(tp, from, options)
  }
  return new Proxy(log, {
    get: (under, name) =>
      (name === 'read' ? read : Reflect.get(under, name).bind?.(under)) as never,
  })
}

const depsOf = (log = app.log) => {
  const { schemaIds, registry } = app.deps
  const onProblem = (error: unknown): void => void problems.push(error)
  return { log, clock: systemClock, schemaIds, registry, onProblem }
}

const entry = (id: string, value: number): ConfigEntry => ({
  kind: 'test',
  id,
  at: 1,
  actor: 'a',
  value: String(value),
})

async function follower(log?: Log): Promise<ConfigFollower> {
  const opened = await openConfigFollower(depsOf(log))
  closers.push(() => opened.close())
  return opened
}

/** A subscriber, and what it was told. */
async function subscriber(configFollower?: ConfigFollower) {
  const told: string[] = []
  const topic: ConfigTopic = await openConfigTopic(
    { ...depsOf(), ...(configFollower === undefined ? {} : { configFollower }) },
    ({ kind, id, value }) => {
      if (kind === 'test') told.push(`${id}=${value}`)
    },
  )
  closers.push(() => topic.close())
  return { topic, told }
}

describe('the configuration topic', () => {
  it('is read once for all that follow it, who are told everything in the order of the log', async () => {
    const reads: number[] = []
    const shared = await follower(watched(app.log, reads))
    const end = await app.log.endOffset({ topic: TOPICS.config.name, partition: 0 })
    const seven: Awaited<ReturnType<typeof subscriber>>[] = []
    for (let count = 0; count < 7; count += 1) seven.push(await subscriber(shared))
    const writes = Array.from({ length: 40 }, (_, at) =>
      seven[at % 7]!.topic.write([entry(`e${at % 3}`, at)]),
    )
    await Promise.all(writes)
    const written = Array.from({ length: 40 }, (_, at) => `e${at % 3}=${at}`)
    for (const { told } of seven) expect(told).toEqual(seven[0]!.told)
    expect(seven[0]!.told.toSorted()).toEqual(written.toSorted())
    // What was there was read once, and each place behind it at most once.
    expect(reads.filter((from) => from < end)).toHaveLength(1)
    expect(new Set(reads).size).toBe(reads.length)
  })

  it('tells who comes late the latest of each key, and nobody misses what another chokes on', async () => {
    const shared = await follower()
    const first = await subscriber(shared)
    await first.topic.write([entry('x', 1), entry('y', 2), entry('gone', 3)])
    await first.topic.write([entry('x', 4)])
    await first.topic.forget([{ kind: 'test', id: 'gone' }])
    shared.subscribe(
      (one) => {
        if (one.kind === 'test') throw new Error('not for me')
      },
      (error) => problems.push(error),
    )
    await first.topic.write([entry('z', 5)])
    const late = await subscriber(shared)
    expect(late.told).toEqual(['y=2', 'x=4', 'z=5'])
    expect(first.told).toEqual(['x=1', 'y=2', 'gone=3', 'x=4', 'z=5'])
    expect(problems.map(String)).toContain('Error: not for me')
    await late.topic.close()
    await first.topic.write([entry('x', 6)])
    expect(late.told).toHaveLength(3)
    expect(first.told.at(-1)).toBe('x=6')
  })

  it('a claim tells its place: of two processes that say the same the one below was first', async () => {
    const [here, there] = [await subscriber(await follower()), await subscriber(await follower())]
    const places = await Promise.all([
      here.topic.claim(entry('n', 1)),
      there.topic.claim(entry('n', 2)),
    ])
    const [first, second] = places.toSorted((left, right) => left.offset - right.offset)
    expect(here.told.map((text) => text.split('=')[0])).toEqual([first!.id, second!.id])
    expect(there.told).toEqual(here.told)
    // Both are still there for who comes now, in this order, until they are forgotten.
    const shared = await follower()
    expect((await subscriber(shared)).told).toEqual(here.told)
    await here.topic.forget([second!])
    expect((await subscriber(await follower())).told).toEqual([here.told[0]])
  })

  it('a claim that is not read back fails, and is not applied ahead', async () => {
    const blind = {
      ...depsOf(),
      configFollower: { ...(await follower()), reached: async () => false },
    }
    const told: string[] = []
    const topic = await openConfigTopic(blind, ({ id }, offset) => told.push(`${id} ${offset}`))
    told.length = 0
    await topic.write([entry('w', 1)])
    expect(told).toContain('w null')
    await expectCode('log_unavailable', topic.claim(entry('c', 1)))
    expect(told.filter((text) => /^c.*null$/.test(text))).toEqual([])
    await topic.close()
  })
})
