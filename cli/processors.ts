import { hostname } from 'node:os'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import { createSupervisor, type Supervisor } from '#/processors/runtime/platform.ts'
import type { Stage } from '#/processors/runtime/stage.ts'
import { restOf, type ReplayBoard } from '#/processors/runtime/replay-board.ts'
import { createReplayDesk, type ReplayDesk } from '#/processors/runtime/replay-desk.ts'
import { createReplayFollower } from '#/processors/runtime/replay-follower.ts'
import { createTicker } from '#/processors/runtime/ticker.ts'
import { openReplayBoard } from '#/processors/stages/replay-board.ts'
import { topicConfigsOf, type Topology } from '#/processors/topology.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { StageView } from '#/schemas/view.ts'
import { absent } from './absent.ts'
import { composeChain } from './chain.ts'
import { createGroupLag, READING } from './group-lag.ts'
import type { Kit } from './kit.ts'
import { notifierOf, startNotifier } from './notify.ts'
import { rolesOf, type Roles } from './roles.ts'
import { shareReading } from './shared-reading.ts'

export interface Processors {
  /** Of this process where it runs any, of all as the log shows them where it does not. */
  stages(): Promise<readonly StageView[]>
  /** What replays are agreed on with; also where nothing of the chain runs. */
  board: ReplayBoard
  groups: readonly string[]
  /** All stages, whichever process runs them. */
  chain: readonly Stage[]
}

const DAY_MS = 86_400_000

/** Gives other work of this process a turn: timers, sockets, then us again. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Creates the topics of the chain where they are missing; every process does, so that none has to be the first. */
export async function createTopics(kit: Kit): Promise<void> {
  const { stages } = composeChain(kit, absent<ClickHouse>('ClickHouse is not open yet', ''))
  const { logRetentionDays } = kit.config
  const partitions = await partitionsOf(kit)
  await kit.log.createTopics(
    topicConfigsOf(stages, { partitions, retentionMs: logRetentionDays * DAY_MS }),
  )
}

/**
 * Keys must lead to the same partition number on every telemetry topic, and each partition has its state: where
 * somebody made one of them with more partitions, all get as many.
 */
async function partitionsOf({ config, log, logger }: Kit): Promise<number> {
  const telemetry = Object.values(TOPICS).filter((topic) => topic.partitions === 'telemetry')
  const names = new Set<string>(telemetry.map(({ name }) => name))
  const found = (await log.topics()).filter(({ name }) => names.has(name))
  const partitions = Math.max(config.partitions, ...found.map((topic) => topic.partitions))
  if (partitions > config.partitions)
    logger.warn('a topic has more partitions than configured', {
      partitions,
      configured: config.partitions,
    })
  return partitions
}

/** Which stages are this process's: sinks write to ClickHouse, processors do everything before. */
function stagesOf({ stages }: Topology, roles: Roles): readonly Stage[] {
  return stages.filter((stage) => roles.has(stage.shadow === undefined ? 'processors' : 'sink'))
}

/** The processors of other processes, as the log shows them. */
export async function watchProcessors(kit: Kit, { stages }: Topology): Promise<Processors> {
  return {
    stages: createGroupLag({
      log: kit.log,
      clock: systemClock,
      stages: [...stages, ...notifierOf(kit.config)],
    }),
    board: await openBoard(kit),
    groups: stages.map((stage) => stage.name),
    chain: stages,
  }
}

function openBoard({ log, schemaIds, registry }: Kit): Promise<ReplayBoard> {
  const schemas = { ids: schemaIds, registry }
  return openReplayBoard({ log, clock: systemClock, schemas })
}

/** Runs this process's part of the chain: stages under a supervisor, the ticker, and its part in replays. */
export async function startProcessors(kit: Kit, chain: Topology): Promise<Processors> {
  const { log, logger, metrics, closers } = kit
  const board = await openBoard(kit)
  const roles = rolesOf(kit.config)
  const stages = stagesOf(chain, roles)
  const replays = openDesk(kit, { board, stages: chain.stages })
  const supervisor: Supervisor = createSupervisor(stages, {
    log,
    metrics,
    breathe,
    clock: systemClock,
    random: systemRandom,
    deadLetters: chain.deadLetters,
    epochOf: (group) => board.epochOf(group),
    async restOf(stage) {
      await board.refresh()
      return restOf(board, stage)
    },
    onProblem: ({ stage, input, error, restartInMs }) =>
      logger.error('a processor failed', {
        stage,
        partition: input.partition,
        error,
        restartInMs: restartInMs ?? 'never',
      }),
    onRewind: (request) => replays.onRewind(request),
  })
  closers.push(() => supervisor.stop())
  await supervisor.start()
  const follower = createReplayFollower({
    board,
    stages,
    clock: systemClock,
    supervisor: () => supervisor,
    onProblem: (error) => logger.warn('the board of replays', { error }),
  })
  closers.push(() => follower.stop())
  follower.start()
  closers.push(() => replays.stop())
  // A replay writes tables: whoever may drive one has ClickHouse. Of all of them the log chooses one.
  if (roles.has('sink')) await replays.start()
  // Of all processes with this role one ticks: a consumer group sees to it.
  if (roles.has('processors')) await startTicker(kit)
  const notifier = roles.has('processors') ? await startNotifier(kit, chain.deadLetters) : undefined
  const status = async (): Promise<readonly StageView[]> => [
    ...(await supervisor.status()),
    ...((await notifier?.stages()) ?? []),
  ]
  // In one process the log answers at once; brokers take a while, and are asked by every probe.
  const stagesNow =
    kit.config.kafkaBrokers === undefined
      ? status
      : shareReading(status, { clock: systemClock, ...READING })
  return {
    stages: stagesNow,
    board,
    groups: chain.stages.map(({ name }) => name),
    chain: chain.stages,
  }
}

function openDesk(
  { log, logger }: Kit,
  { board, stages }: { board: ReplayBoard; stages: Topology['stages'] },
): ReplayDesk {
  return createReplayDesk({
    log,
    stages,
    board,
    breathe,
    name: `${hostname()}/${process.pid}`,
    clock: systemClock,
    random: systemRandom,
    onDone: ({ group, epoch, identical, records, pausedMs }) =>
      logger.info('a replay is done', { group, epoch, identical, records, pausedMs }),
    onProblem: (error) => logger.error('a replay', { error }),
  })
}

async function startTicker({ log, logger, schemaIds, closers }: Kit): Promise<void> {
  const decoder = createDecoder('Tick')
  const ticker = createTicker({
    log,
    clock: systemClock,
    telemetryTopic: TOPICS.raw.name,
    clockTopic: TOPICS.clock.name,
    // A person's decision waits for the next tick: it must not be the slow one of an idle night.
    watchedTopics: [TOPICS.actions.name],
    encodeTick: (tick) => encode('Tick', schemaIds.Tick, tick),
    decodeTick: (value) => decoder.decode(value),
    onProblem: (error) => logger.warn('a tick was not written', { error }),
  })
  closers.push(() => ticker.stop())
  await ticker.start()
}
