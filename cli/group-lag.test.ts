import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { createGroupLag } from './group-lag.ts'

const START_MS = Date.UTC(2026, 10, 21)
const INPUT = { name: 'in', partitions: 2, retentionMs: Infinity, retentionBytes: Infinity }
const stages = [{ name: 'detect', inputs: ['in'] }]
const record = { key: null, value: Buffer.from('x'), timestampMs: START_MS }

async function filled() {
  const clock = createManualClock(START_MS)
  const log = createMemoryLog({ clock })
  await log.createTopics([{ ...INPUT, compacted: false }])
  await log.append([{ topic: 'in', partition: 1, records: [record, record, record] }])
  return { clock, log, ask: createGroupLag({ log, clock, stages }) }
}

async function commit(log: Log, offset: number): Promise<void> {
  const membership = await log.join({
    group: 'detect',
    topics: ['in'],
    onAssigned: async () => undefined,
    onRevoked: async () => undefined,
  })
  const offsets = [{ topic: 'in', partition: 1, offset, metadata: '' }]
  await log.commit({ membership, outputs: [], offsets })
  await membership.leave()
}

describe('the lag of processors elsewhere', () => {
  it('[K1] counts partitions no processor ever committed as not done at all', async () => {
    const { ask } = await filled()
    const [view] = await ask()
    expect(view).toMatchObject({ stage: 'detect', lag: 3, status: 'running' })
    expect(view?.partitions.map(({ partition, lag }) => [partition, lag])).toEqual([
      [0, 0],
      [1, 3],
    ])
  })

  it('[K1] a group that does not move while there is work is told as stopped', async () => {
    const { clock, log, ask } = await filled()
    await ask()
    await clock.advance(61_000)
    expect((await ask())[0]).toMatchObject({ status: 'stopped', lag: 3 })
    await commit(log, 2)
    await clock.advance(5_000)
    expect((await ask())[0]).toMatchObject({ status: 'running', lag: 1, error: '' })
    await commit(log, 3)
    await clock.advance(120_000)
    expect((await ask())[0]).toMatchObject({ status: 'running', lag: 0 })
  })

  it('asks the log once for all who ask within a second, and again after a failure', async () => {
    const { clock, log } = await filled()
    let asked = 0
    const counting: Log = {
      ...log,
      topics: () => log.topics(),
      beginningOffset: (tp) => log.beginningOffset(tp),
      endOffset: (tp) => log.endOffset(tp),
      lag: async (group) => {
        asked += 1
        if (asked === 1) throw new Error('away')
        return log.lag(group)
      },
    }
    const ask = createGroupLag({ log: counting, clock, stages })
    await expect(Promise.all([ask(), ask()])).rejects.toThrow('away')
    await Promise.all([ask(), ask(), ask()])
    expect(asked).toBe(2)
    await clock.advance(5_001)
    await ask()
    expect(asked).toBe(3)
  })
})
