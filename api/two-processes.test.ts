/** Two API processes over one log: each has a follower and desks of its own, as two containers have. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { expectCode } from '#/processors/log/contract-suite-kit.ts'
import type { Log } from '#/processors/log/port.ts'
import { readDecision } from '#/processors/domain/grouping/decision-entry.ts'
import { SILENCES_MAX } from '#/processors/domain/incident/silence.ts'
import { createDecoder, schemaIdOf } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { openGroupingDesk, type GroupingDesk } from './grouping-desk.ts'
import { openSilenceDesk } from './silence-desk.ts'
import { createTestApp, TEST_PARTITIONS, type TestApp } from './test-app.ts'

let app: TestApp
const closers: (() => Promise<void>)[] = []

beforeEach(async () => {
  app = await createTestApp({ clock: systemClock })
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  await app.close()
})

const depsOf = (log: Log = app.log) => {
  const { schemaIds, registry } = app.deps
  return { log, clock: systemClock, schemaIds, registry }
}

async function groupingDesk(log?: Log): Promise<GroupingDesk> {
  const desk = await openGroupingDesk(depsOf(log))
  closers.push(() => desk.close())
  return desk
}

async function silenceDesk() {
  const desk = await openSilenceDesk(depsOf())
  closers.push(() => desk.close())
  return desk
}

/** Revisions of the decisions of a project among the events, in their order, partition by partition. */
async function revisions(project: string): Promise<number[][]> {
  const decoder = createDecoder('ConfigEntry')
  return Promise.all(
    Array.from({ length: TEST_PARTITIONS }, async (_, partition) => {
      const tp = { topic: TOPICS.raw.name, partition }
      const records = await app.log.read(tp, 0, { bytesMax: 1 << 20, waitMs: 0 })
      return records.flatMap(({ value }) => {
        if (value === null || schemaIdOf(value) !== app.deps.schemaIds.ConfigEntry) return []
        const decision = readDecision(decoder.decode(value))
        return decision?.project === project ? [decision.revision] : []
      })
    }),
  )
}

const merge = (actor: string) => () => ({ kind: 'merge' as const, actor, reason: 'r', pins: [] })

describe('decisions about groups by two processes', () => {
  it('each gets a number of its own, and they lie among the events in that order', async () => {
    const desks = [await groupingDesk(), await groupingDesk()]
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, at) => desks[at % 2]!.decide('shop', merge(`a${at}`))),
    )
    expect(made.map(({ revision }) => revision).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 12 }, (_, at) => at + 1),
    )
    for (const desk of [...desks, await groupingDesk()]) {
      const known = desk.history('shop').map(({ revision, actor }) => [revision, actor])
      expect(known).toHaveLength(12)
      expect(made.map(({ revision, actor }) => [revision, actor])).toEqual(
        expect.arrayContaining(known),
      )
    }
    for (const found of await revisions('shop'))
      expect([...new Set(found)]).toEqual(Array.from({ length: 12 }, (_, at) => at + 1))
  })

  it('who comes second decides from what was decided first, or is refused', async () => {
    const [here, there] = [await groupingDesk(), await groupingDesk()]
    const seen: number[] = []
    const onlyOnUnchanged = (history: readonly object[]) => {
      seen.push(history.length)
      if (history.length > 0) throw new Error('changed since')
      return merge('x')()
    }
    const both = await Promise.allSettled([
      here.decide('shop', onlyOnUnchanged),
      there.decide('shop', onlyOnUnchanged),
    ])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(seen).toContain(1)
    expect(here.history('shop')).toHaveLength(1)
  })

  it('what one process decided and died over is put among the events before the next', async () => {
    const dying: Log = new Proxy(app.log, {
      get(under, name) {
        const append: Log['append'] = (batches) =>
          batches[0]?.topic === TOPICS.raw.name
            ? Promise.reject(new Error('killed'))
            : under.append(batches)
        return (name === 'append' ? append : Reflect.get(under, name).bind?.(under)) as never
      },
    })
    const other = await groupingDesk()
    await expect((await groupingDesk(dying)).decide('shop', merge('first'))).rejects.toThrow(
      'killed',
    )
    await expect.poll(() => other.history('shop').length).toBe(1)
    expect((await other.decide('shop', merge('second'))).revision).toBe(2)
    for (const found of await revisions('shop')) expect(found).toEqual([1, 2])
  })
})

describe('silences by two processes', () => {
  const wish = {
    project: 'default',
    match: { service: 'cart' },
    until: systemClock.nowMs() + 3_600_000,
    actor: 'ann',
    reason: 'x',
  }

  it('each gets a number of its own, and no more than the bound come to be', async () => {
    const desks = [await silenceDesk(), await silenceDesk()]
    const done = await Promise.allSettled(
      Array.from({ length: SILENCES_MAX + 6 }, (_, at) => desks[at % 2]!.add(wish)),
    )
    const ids = done.flatMap((one) => (one.status === 'fulfilled' ? [one.value.silence.id] : []))
    expect(ids).toHaveLength(SILENCES_MAX)
    expect(new Set(ids).size).toBe(SILENCES_MAX)
    for (const desk of desks)
      await expect.poll(() => desk.list('default').length).toBe(SILENCES_MAX)
  })

  it('one of two that take it back is told that it has ended', async () => {
    const desks = [await silenceDesk(), await silenceDesk()]
    const { silence } = await desks[0]!.add(wish)
    await expect.poll(() => desks[1]!.list('default').length).toBe(1)
    const ask = { project: 'default', id: silence.id }
    const both = await Promise.allSettled(
      desks.map((desk, at) => desk.remove({ ...ask, actor: `p${at}` })),
    )
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await expectCode('conflict', desks[0]!.remove({ ...ask, actor: 'late' }))
    const [kept] = desks[0]!.list('default')
    const winner = both.find((one) => one.status === 'fulfilled')
    expect(kept?.removed?.actor).toBe(winner?.value.removed?.actor)
  })
})
