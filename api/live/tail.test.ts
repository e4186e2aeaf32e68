import { expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { startTail } from './tail.ts'

const TOPIC = { name: 't', partitions: 2, retentionMs: Infinity, retentionBytes: Infinity }
const SOURCES = [0, 1].map((partition) => ({ kind: 'event' as const, topic: 't', partition }))

/** A tail over a log that answers as told, and how to let time pass. */
async function tailOver(answer: (sleep: (ms: number) => Promise<void>) => ReturnType<Log['read']>) {
  const clock = createManualClock(0)
  const log = createMemoryLog({ clock })
  await log.createTopics([{ ...TOPIC, compacted: false }])
  const problems: unknown[] = []
  const tail = startTail({
    log: {
      ...log,
      read: (_, __, { signal }) => answer((ms) => clock.sleep(ms, signal)),
    },
    clock,
    sources: SOURCES,
    from: [0, 0],
    onRecords: () => Promise.resolve(),
    onGap: () => undefined,
    onProblem: (problem) => problems.push(problem),
  })
  const pass = async (seconds: number): Promise<void> => {
    for (let step = 0; step < seconds * 4; step += 1) await clock.advance(250)
  }
  return { tail, pass, problems, close: () => log.close() }
}

it('[E16] a log that fails or hangs is not being read, and is again when it answers', async () => {
  let mode: 'well' | 'fails' | 'hangs' = 'well'
  const { tail, pass, problems, close } = await tailOver(async (sleep) => {
    if (mode === 'fails') throw new FaultlineError('log_unavailable', 'the broker is away')
    await sleep(mode === 'hangs' ? 3_600_000 : 1000)
    return []
  })
  expect(tail.isReading()).toBe(true)
  mode = 'fails'
  await pass(11)
  expect(tail.isReading()).toBe(false)
  expect(problems.length).toBeGreaterThan(5)
  mode = 'well'
  await pass(2)
  expect(tail.isReading()).toBe(true)
  mode = 'hangs'
  await pass(12)
  expect(tail.isReading()).toBe(false)
  await tail.stop()
  await close()
})
