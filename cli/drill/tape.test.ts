import { beforeEach, describe, expect, it } from 'vitest'
import { createManualClock, type ManualClock } from '#/kernel/clock.ts'
import { DRILL_LIMITS, type DrillPlan } from '#/processors/domain/drill/plan.ts'
import { drillClock } from '#/processors/domain/drill/retime.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { readLanes } from '#/processors/runtime/replay-lanes.ts'
import { createRecordReader } from '#/processors/stages/record-reader.ts'
import { topicConfigsOf } from '#/processors/topology.ts'
import type { Event } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { appendOccurrence } from '#/test/sim/chain.ts'
import { eventOf, SCHEMAS } from '#/test/sim/fixture.ts'
import { openPlayer, type Player } from './player.ts'
import { cutTape, TAPE_TOPICS, type CutTape } from './tape.ts'

const PARTITIONS = 3
const FROM = Date.UTC(2026, 0, 5, 8)
const START = FROM + 10 * 86_400_000
const plan: DrillPlan = {
  speed: 5,
  leadFromMs: FROM - 60_000,
  fromMs: FROM,
  beganMs: FROM + 10_000,
  toMs: FROM + 100_000,
  graceMs: 0,
  answer: [],
}
/** For what is under way to come to rest. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const breathe = async (): Promise<void> => undefined

let live: Log
let own: Log
let clock: ManualClock

async function emptyLog(partitions: number): Promise<Log> {
  const log = createMemoryLog({ clock })
  await log.createTopics(topicConfigsOf([], { partitions, retentionMs: Infinity }))
  return log
}

async function happens(id: string, wish: Partial<Event> & { received_at: number }): Promise<void> {
  const occurred_at = wish.occurred_at ?? wish.received_at
  const event = eventOf({ project: 'shop', service: id, event_id: id, ...wish, occurred_at })
  await appendOccurrence(live, PARTITIONS, { kind: 'event', event })
}

beforeEach(async () => {
  clock = createManualClock(START)
  live = await emptyLog(PARTITIONS)
  own = await emptyLog(1)
  await own.createTopics(TAPE_TOPICS)
  await happens('too-early', { received_at: plan.leadFromMs - 1 })
  await happens('past', { received_at: FROM - 30_000 })
  await appendOccurrence(live, PARTITIONS, { kind: 'tick', at: FROM })
  await happens('history', { received_at: FROM + 1_000, occurred_at: FROM - 3_600_000 })
  await happens('other', { received_at: FROM + 2_000, project: 'else' })
  await happens('first', { received_at: FROM + 5_000 })
  await happens('late', { received_at: FROM + 20_000, occurred_at: FROM + 7_000 })
  await happens('last', { received_at: plan.toMs - 1 })
  await happens('after', { received_at: plan.toMs })
})

const cut = (given = plan): Promise<CutTape> =>
  cutTape(
    { log: live, schemas: SCHEMAS, breathe },
    { log: own, schemaId: SCHEMAS.ids.Event },
    { plan: given, project: 'shop' },
  )

const open = (): Promise<Player> =>
  openPlayer({
    clock,
    log: own,
    schemaIds: SCHEMAS.ids,
    time: drillClock(plan, START),
    startedMs: START,
  })

/** What the sandbox's processors read: events by name, ticks by their second. */
async function played(): Promise<{ id: string; occurred: number; received: number }[]> {
  const reader = createRecordReader('Event', SCHEMAS)
  const tp = { topic: TOPICS.raw.name, partition: 0 }
  const end = await own.endOffset(tp)
  const found: { id: string; occurred: number; received: number }[] = []
  for await (const { records } of readLanes(own, [{ ...tp, from: 0, end, aheadMs: 0 }]))
    for (const { value } of records) {
      const read = reader.read(value)
      if (read.kind === 'record') {
        const { event_id: id, occurred_at: occurred, received_at: received } = read.record
        found.push({ id, occurred: occurred - START, received: received - START })
      } else if (read.kind === 'tick')
        found.push({ id: 'tick', occurred: 0, received: read.tick.at - START })
    }
  return found
}
const idsOf = async (): Promise<string[]> =>
  (await played()).map(({ id }) => id).filter((id) => id !== 'tick')

describe('the tape of a drill', () => {
  it('[DR1] holds the window of one project, and its past apart', async () => {
    expect(await cut()).toEqual({ events: 3, fromMs: FROM - 30_000 })
    expect(await own.endOffset({ topic: 'drill.past.v1', partition: 0 })).toBe(2)
    expect(await own.endOffset({ topic: 'drill.tape.v1', partition: 0 })).toBe(3)
  })

  it('[DR2] is refused where nothing is left of the incident', async () => {
    const later = { ...plan, fromMs: plan.toMs + 10_000, toMs: plan.toMs + 20_000 }
    await expect(cut(later)).rejects.toMatchObject({ code: 'conflict', path: 'incident' })
    expect(DRILL_LIMITS.eventsMax).toBe(200_000)
  })

  it('[DR3] comes when it is due, the past with a tick for each second before all', async () => {
    await cut()
    const player = await open()
    await player.fill()
    const past = await played()
    expect(past.filter(({ id }) => id !== 'tick')).toEqual([
      { id: 'past', occurred: -6_000, received: -6_000 },
      { id: 'history', occurred: -720_000, received: -1 },
    ])
    expect(past.filter(({ id }) => id === 'tick').map(({ received }) => received)).toEqual([
      -5_000, -4_000, -3_000, -2_000, -1_000,
    ])
    const stop = new AbortController()
    const playing = player.play(stop.signal)
    await settle()
    await clock.advance(999)
    expect(await idsOf()).toEqual(['past', 'history'])
    await clock.advance(1)
    expect(await idsOf()).toEqual(['past', 'history', 'first'])
    await clock.advance(3_000)
    const late = (await played()).find(({ id }) => id === 'late')
    expect(late).toEqual({ id: 'late', occurred: 1_400, received: 4_000 })
    await clock.advance(16_000)
    await playing
    expect(player.position()).toBe(3)
    expect(await idsOf()).toEqual(['past', 'history', 'first', 'late', 'last'])
  })

  it('goes on where it was cut off: nothing is left out, nothing comes twice', async () => {
    await cut()
    const first = await open()
    await first.fill()
    const stop = new AbortController()
    const playing = first.play(stop.signal)
    await settle()
    await clock.advance(2_000)
    await settle()
    stop.abort()
    await clock.advance(0)
    await playing
    await first.close()
    // The platform was down for a minute.
    await clock.advance(60_000)
    const second = await open()
    expect(second.position()).toBe(1)
    await second.fill()
    await second.play(new AbortController().signal)
    expect(await idsOf()).toEqual(['past', 'history', 'first', 'late', 'last'])
  })
})
