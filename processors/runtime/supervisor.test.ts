import { describe, expect, it, vi } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { DEAD_LETTERS } from '#/test/sim/fixture.ts'
import { stateTopicOf } from './changelog.ts'
import { createSupervisor } from './platform.ts'
import { deadLetter, OK } from './record.ts'
import type { CreateProcessor } from './stage.ts'
import type { RewindRequest, StageProblem } from './supervisor.ts'
import { createTaskStage } from './task.ts'

const topic = (name: string) => ({
  name,
  partitions: 2,
  retentionMs: Infinity,
  retentionBytes: Infinity,
  compacted: name.endsWith('.state.v1'),
})

async function start() {
  const log = createMemoryLog({ clock: systemClock })
  const copyTo =
    (output: string): CreateProcessor =>
    (context) => ({
      process({ key, value, timestampMs }) {
        if (String(value) === 'poison') return deadLetter('invalid_event', 'poison')
        context.emit(output, context.input.partition, { key, value, timestampMs })
        return OK
      },
    })
  const copy = (name: string, from: string, to: string) =>
    createTaskStage({ name, inputs: [from], outputs: [to], createProcessor: copyTo(to) })
  const stages = [copy('first', 'in', 'middle'), copy('second', 'middle', 'out')]
  const names = [
    'in',
    'middle',
    'out',
    DEAD_LETTERS.topic,
    ...stages.map((s) => stateTopicOf(s.name)),
  ]
  await log.createTopics(names.map(topic))
  const problems: StageProblem[] = []
  const rewinds: RewindRequest[] = []
  const supervisor = createSupervisor(stages, {
    log,
    clock: systemClock,
    random: createSeededRandom(1),
    metrics: createMetrics(),
    deadLetters: DEAD_LETTERS,
    epochOf: () => 1,
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    onProblem: (problem) => problems.push(problem),
    onRewind: (request) => rewinds.push(request),
  })
  await supervisor.start()
  const send = (...values: string[]) =>
    log.append([
      {
        topic: 'in',
        partition: 0,
        records: values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: 0 })),
      },
    ])
  const end = (name: string) => log.endOffset({ topic: name, partition: 0 })
  return { log, supervisor, send, end, problems, rewinds }
}

describe('the supervisor', () => {
  it('[B1] a paused group stays behind while the others go on; its lag is shown', async () => {
    const { supervisor, send, end } = await start()
    await supervisor.runner('second').pause()
    await send('a', 'b')
    await vi.waitFor(async () => expect(await end('middle')).toBe(2))
    const status = await supervisor.status()
    expect(status.map(({ stage, status: state, lag }) => [stage, state, lag])).toEqual([
      ['first', 'running', 0],
      ['second', 'stopped', 2],
    ])
    expect(supervisor.pressure()).toBe(2)
    await supervisor.runner('second').resume()
    await vi.waitFor(async () => expect(await end('out')).toBe(2))
    await supervisor.stop()
  })

  it('[RT14] restarts a failed task from what was committed, and says so', async () => {
    const { log, supervisor, send, end, problems } = await start()
    const commit = log.commit.bind(log)
    let failures = 2
    log.commit = async (unit) => {
      if (unit.membership.group === 'first' && failures-- > 0) throw new Error('the disk blinked')
      return commit(unit)
    }
    await send('a')
    await vi.waitFor(async () => expect(await end('out')).toBe(1), { timeout: 5000 })
    expect(problems.map(({ stage, restartInMs }) => [stage, restartInMs !== undefined])).toEqual([
      ['first', true],
      ['first', true],
    ])
    await supervisor.stop()
  })

  it('[RT6] a stage with too many dead letters stops for good and says why', async () => {
    const { supervisor, send, end, problems } = await start()
    await send(...Array.from({ length: 150 }, () => 'poison'), 'a')
    await vi.waitFor(() => expect(problems).toHaveLength(1))
    const [first] = await supervisor.status()
    expect(first).toMatchObject({ stage: 'first', status: 'failed', lag: 51 })
    expect(first?.error).toContain('100 records in a row')
    await supervisor.runner('first').resume()
    await vi.waitFor(async () => expect(await end('out')).toBe(1))
    await supervisor.stop()
  })

  it('[RT7] offsets set back do not disturb live work; the wish to replay is handed on', async () => {
    const { log, supervisor, send, end, rewinds } = await start()
    await send('a', 'b')
    await vi.waitFor(async () => expect(await end('out')).toBe(2))
    await log.resetOffsets('first', [{ topic: 'in', partition: 0, offset: 0, metadata: '' }])
    await vi.waitFor(() => expect(rewinds).toHaveLength(1))
    expect(rewinds[0]).toEqual({ stage: 'first', input: { topic: 'in', partition: 0 }, offset: 0 })
    await send('c')
    await vi.waitFor(async () => expect(await end('out')).toBe(3))
    await supervisor.stop()
  })

  it('[RT8] two processes share the partitions; what one leaves the other takes over', async () => {
    const { log, supervisor, send, end } = await start()
    const stage = createTaskStage({
      name: 'first',
      inputs: ['in'],
      outputs: ['middle'],
      createProcessor: (context) => ({
        process({ key, value, timestampMs }) {
          context.emit('middle', context.input.partition, { key, value, timestampMs })
          return OK
        },
      }),
    })
    const other = createSupervisor([stage], {
      log,
      clock: systemClock,
      random: createSeededRandom(2),
      metrics: createMetrics(),
      deadLetters: DEAD_LETTERS,
      epochOf: () => 1,
      breathe: () => new Promise((resolve) => setImmediate(resolve)),
      onProblem: () => undefined,
      onRewind: () => undefined,
    })
    await other.start()
    const owned = async () =>
      Promise.all([supervisor, other].map(async (s) => (await s.status())[0]?.partitions.length))
    expect(await owned()).toEqual([1, 1])
    await send('a', 'b', 'c')
    await vi.waitFor(async () => expect(await end('out')).toBe(3))
    await other.stop()
    expect((await supervisor.status())[0]?.partitions).toHaveLength(2)
    await send('d')
    await vi.waitFor(async () => expect(await end('out')).toBe(4))
    await supervisor.stop()
  })

  it('[RT8] a worker that outlived its partition writes nothing, though the process has it again', async () => {
    const log = createMemoryLog({ clock: systemClock, drainMsMax: 20 })
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    let batches = 0
    const stage = createTaskStage({
      name: 'slow',
      inputs: ['in'],
      outputs: ['out'],
      createProcessor: (context) => ({
        prepare: () => (++batches === 1 ? gate : undefined),
        process({ key, value, timestampMs }) {
          context.emit('out', context.input.partition, { key, value, timestampMs })
          return OK
        },
      }),
    })
    const names = ['in', 'out', DEAD_LETTERS.topic, stateTopicOf('slow')]
    await log.createTopics(names.map((name) => ({ ...topic(name), partitions: 1 })))
    const finished: string[] = []
    const slow = createSupervisor([stage], {
      log,
      clock: systemClock,
      random: createSeededRandom(3),
      metrics: createMetrics(),
      deadLetters: DEAD_LETTERS,
      epochOf: () => 1,
      breathe: () => new Promise((resolve) => setImmediate(resolve)),
      onProblem: ({ error }) => finished.push(String(error)),
      onRewind: () => undefined,
    })
    await slow.start()
    const input = { topic: 'in', partition: 0 }
    const records = ['a', 'b'].map((value) => ({
      key: null,
      value: Buffer.from(value),
      timestampMs: 0,
    }))
    await log.append([{ ...input, records }])
    await vi.waitFor(() => expect(batches).toBe(1))
    // Takes the partition away for a moment; the worker is not done when its time is up.
    await log.resetOffsets('slow', [{ ...input, offset: 0, metadata: '' }])
    const out = () => log.endOffset({ topic: 'out', partition: 0 })
    await vi.waitFor(async () => expect(await out()).toBe(2))
    open()
    await log.append([{ ...input, records: records.slice(0, 1) }])
    await vi.waitFor(async () =>
      expect(await log.committed('slow', input)).toMatchObject({ offset: 3 }),
    )
    expect(await out()).toBe(3)
    expect(finished).toEqual([])
    await slow.stop()
  })
})
