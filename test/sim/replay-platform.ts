import { expect, vi } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { createSupervisor } from '#/processors/runtime/platform.ts'
import { isRunning, restOf } from '#/processors/runtime/replay-board.ts'
import { createReplayDesk } from '#/processors/runtime/replay-desk.ts'
import type { ReplayReport } from '#/processors/runtime/replay-desk.ts'
import { createReplayFollower } from '#/processors/runtime/replay-follower.ts'
import { createTopology, topicConfigsOf } from '#/processors/topology.ts'
import type { TopologyDeps } from '#/processors/topology.ts'
import { openReplayBoard } from '#/processors/stages/replay-board.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { appendOccurrence, chainDeps, createTables } from './chain.ts'
import { SCHEMAS } from './fixture.ts'
import { createMortal } from './mortal.ts'
import type { Occurrence } from './scenario.ts'

type Tables = ReturnType<typeof createTables>

export interface ReplayPlatformOptions {
  seed: number
  name?: string
  over?: Partial<TopologyDeps>
  /** What several processes share. */
  shared?: { log: Log; tables: Tables }
  checkpointRecords?: number
  restMsMax?: number
}

export type ReplayPlatform = Awaited<ReturnType<typeof startReplayPlatform>>

const PARTITIONS = 3
const SETTLE_MS = 20_000

const breathe = () => new Promise<void>((resolve) => setImmediate(resolve))

/** One process of the platform as it runs, on a memory log; it can die. */
export async function startReplayPlatform(options: ReplayPlatformOptions) {
  const { seed, name = 'one', over = {} } = options
  const clock = systemClock
  const shared = options.shared ?? { log: createMemoryLog({ clock }), tables: createTables() }
  const mortal = createMortal()
  const log = mortal.wrapLog(shared.log)
  const tables = {
    events: mortal.wrap(shared.tables.events),
    derived: shared.tables.derived.map((table) => mortal.wrap(table)),
  }
  const { stages, deadLetters } = createTopology({ ...chainDeps(tables, { delayMs: 20 }), ...over })
  await log.createTopics(topicConfigsOf(stages, { partitions: PARTITIONS, retentionMs: Infinity }))
  const board = await openReplayBoard({ log, clock, schemas: SCHEMAS })
  const reports: ReplayReport[] = []
  const problems: unknown[] = []
  const onProblem = (problem: unknown): void => {
    if (!mortal.isDead) problems.push(problem)
  }
  const random = createSeededRandom(seed)
  const { checkpointRecords, restMsMax } = options
  const desk = createReplayDesk({
    log,
    clock,
    random,
    stages,
    board,
    breathe,
    name,
    ...(checkpointRecords === undefined ? {} : { checkpointRecords }),
    ...(restMsMax === undefined ? {} : { restMsMax }),
    onDone: (report) => reports.push(report),
    onProblem,
  })
  const supervisor = createSupervisor(stages, {
    log,
    clock,
    random,
    metrics: createMetrics(),
    deadLetters,
    epochOf: (group) => board.epochOf(group),
    async restOf(stage) {
      await board.refresh()
      return restOf(board, stage)
    },
    breathe,
    onProblem: ({ error }) => onProblem(error),
    onRewind: (request) => desk.onRewind(request),
  })
  const follower = createReplayFollower({
    board,
    clock,
    stages,
    supervisor: () => supervisor,
    onProblem,
  })
  await supervisor.start()
  follower.start()
  await desk.start()
  const send = async (occurrences: readonly Occurrence[]) => {
    for (const occurrence of occurrences) await appendOccurrence(shared.log, PARTITIONS, occurrence)
  }
  return {
    name,
    shared,
    log: shared.log,
    mortal,
    board,
    desk,
    supervisor,
    send,
    reports,
    problems,
    /** Everything sent was processed, by whichever process. */
    settle: () =>
      settle(
        shared.log,
        stages.map((stage) => [stage.name, stage.inputs] as const),
      ),
    /** No replay runs, and nothing is left of the last one. */
    rest: () =>
      vi.waitFor(
        () => {
          const record = board.current()
          expect(record?.error ?? '').toBe('')
          expect(record !== undefined && !isRunning(record) && record.isCleaned).toBe(true)
        },
        { timeout: SETTLE_MS, interval: 20 },
      ),
    lifecycle: async () =>
      (
        await shared.log.read({ topic: TOPICS.lifecycle.name, partition: 0 }, 0, {
          bytesMax: 1e9,
          waitMs: 0,
        })
      ).map(({ value }) => String(value?.toString('base64'))),
    rowsOf: (table: string) =>
      [shared.tables.events, ...shared.tables.derived]
        .find((one) => one.name === table)!
        .rows()
        .map(({ value }) => value)
        .toSorted(),
    /** Dies as a kill would have it. */
    async kill() {
      await mortal.bury()
      await Promise.all([desk.stop(), follower.stop()])
      await supervisor.stop()
    },
    async stop() {
      await desk.stop()
      await follower.stop()
      await supervisor.stop()
    },
  }
}

async function settle(log: Log, stages: readonly (readonly [string, readonly string[]])[]) {
  const counts = new Map((await log.topics()).map((topic) => [topic.name, topic.partitions]))
  const behind = async (): Promise<string[]> => {
    const found: string[] = []
    for (const [group, inputs] of stages)
      for (const topic of inputs)
        for (let partition = 0; partition < (counts.get(topic) ?? 0); partition += 1) {
          const end = await log.endOffset({ topic, partition })
          const done = (await log.committed(group, { topic, partition }))?.offset ?? 0
          if (done < end) found.push(`${group} ${topic}/${partition} ${done} of ${end}`)
        }
    return found
  }
  await vi.waitFor(async () => expect(await behind()).toEqual([]), {
    timeout: SETTLE_MS,
    interval: 20,
  })
}
