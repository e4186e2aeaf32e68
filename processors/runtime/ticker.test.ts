import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { createTicker, TICK_IDLE_MS } from './ticker.ts'

const topic = (name: string, partitions: number) => ({
  name,
  partitions,
  retentionMs: Infinity,
  retentionBytes: Infinity,
  compacted: false,
})

async function start() {
  const clock = createManualClock(100_000)
  const log = createMemoryLog({ clock })
  await log.createTopics([topic('raw', 3), topic('clock', 1)])
  const create = () =>
    createTicker({
      log,
      clock,
      telemetryTopic: 'raw',
      clockTopic: 'clock',
      encodeTick: (tick) => Buffer.from(JSON.stringify(tick)),
      decodeTick: (value) => JSON.parse(value.toString()) as { number: number; at: number },
      onProblem: (error) => {
        throw error
      },
    })
  const event = () =>
    log.append([
      {
        topic: 'raw',
        partition: 1,
        records: [{ key: null, value: Buffer.from('e'), timestampMs: 0 }],
      },
    ])
  const ticks = async (name: string, partition: number) =>
    (await log.read({ topic: name, partition }, 0, { bytesMax: 1e6, waitMs: 0 }))
      .map(({ value }) => String(value))
      .filter((value) => value !== 'e')
      .map((value) => (JSON.parse(value) as { number: number }).number)
  const settle = () => clock.advance(0)
  return { clock, log, create, event, ticks, settle }
}

describe('the ticker', () => {
  it('[RT15] writes the same ticks to every partition, each second with events, else every ten', async () => {
    const { clock, create, event, ticks } = await start()
    const ticker = create()
    await ticker.start()
    for (let second = 0; second < 3; second += 1) {
      await event()
      await clock.advance(1000)
    }
    const busy = await ticks('raw', 0)
    expect(busy.length).toBeGreaterThanOrEqual(3)
    await clock.advance(3 * TICK_IDLE_MS)
    const all = await ticks('raw', 0)
    expect(all.length - busy.length).toBeGreaterThanOrEqual(2)
    expect(all.length - busy.length).toBeLessThanOrEqual(4)
    expect(all).toEqual([...new Set(all)].toSorted((a, b) => a - b))
    for (const partition of [1, 2]) expect(await ticks('raw', partition)).toEqual(all)
    expect(await ticks('clock', 0)).toEqual(all)
    await ticker.stop()
  })

  it('[RT15] after the last record it ticks twice: a decision late in a second is for the second of them', async () => {
    const { clock, create, event, ticks } = await start()
    const ticker = create()
    await ticker.start()
    await clock.advance(5700)
    await event()
    const atMs = clock.nowMs()
    await clock.advance(2000)
    const numbers = (await ticks('clock', 0)).filter((number) => number > atMs / 1000)
    expect(numbers).toEqual([106, 107])
    await ticker.stop()
  })

  it('[RT15] goes on above the last number after a restart, and one of two tickers ticks', async () => {
    const { clock, create, event, ticks } = await start()
    const [first, second] = [create(), create()]
    await first.start()
    await second.start()
    await event()
    await clock.advance(2000)
    await first.stop()
    await event()
    await clock.advance(2000)
    await second.stop()
    const all = await ticks('clock', 0)
    expect(all.length).toBeGreaterThanOrEqual(2)
    expect(all).toEqual([...new Set(all)].toSorted((a, b) => a - b))
  })
})
