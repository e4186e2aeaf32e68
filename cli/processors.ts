import type { ClickHouse } from '#/clickhouse/client.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { createSupervisor, type Supervisor } from '#/processors/runtime/platform.ts'
import type { Stage } from '#/processors/runtime/stage.ts'
import { createReplayDesk, type ReplayDesk } from '#/processors/runtime/replay-desk.ts'
import { createTicker } from '#/processors/runtime/ticker.ts'
import { loadEpochs } from '#/processors/stages/epochs.ts'
import { topicConfigsOf, type Topology } from '#/processors/topology.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { StageView } from '#/schemas/view.ts'
import { absent } from './absent.ts'
import { composeChain } from './chain.ts'
import { createGroupLag } from './group-lag.ts'
import type { Kit } from './kit.ts'
import { rolesOf, type Roles } from './roles.ts'

export interface Processors {
  /** Of this process where it runs any, of all as the log shows them where it does not. */
  stages(): Promise<readonly StageView[]>
  replays: ReplayDesk
  groups: readonly string[]
}

const DAY_MS = 86_400_000

/** Gives other work of this process a turn: timers, sockets, then us again. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Creates the topics of the chain where they are missing; every process does, so that none has to be the first. */
export async function createTopics(kit: Kit): Promise<void> {
  const { stages } = composeChain(kit, absent<ClickHouse>('ClickHouse is not open yet', ''))
  const { partitions, logRetentionDays } = kit.config
  await kit.log.createTopics(
    topicConfigsOf(stages, { partitions, retentionMs: logRetentionDays * DAY_MS }),
  )
}

/** Which stages are this process's: sinks write to ClickHouse, processors do everything before. */
function stagesOf({ stages }: Topology, roles: Roles): readonly Stage[] {
  return stages.filter((stage) => roles.has(stage.shadow === undefined ? 'processors' : 'sink'))
}

/** The processors of other processes, as the log shows them. */
export function watchProcessors(kit: Kit, { stages }: Topology): Processors {
  return {
    stages: createGroupLag({ log: kit.log, clock: systemClock, stages }),
    replays: replaysElsewhere(kit),
    groups: stages.map((stage) => stage.name),
  }
}

const REPLAY_NEEDS_ALL = new FaultlineError(
  'conflict',
  'a replay runs where all processors and sinks are one process',
  {
    remedy:
      'Stop the other processors and sinks, and start one with --role processors,sink,api: work waits in the log.',
  },
)

/** A replay pauses every stage behind its group, so it runs where all of them are. */
function replaysElsewhere({ logger }: Kit): ReplayDesk {
  return {
    run: () => Promise.reject(REPLAY_NEEDS_ALL),
    onRewind: () =>
      logger.error('a replay that was asked for by an offset reset failed', {
        error: REPLAY_NEEDS_ALL,
      }),
    progress: () => undefined,
    stop: async () => undefined,
  }
}

/** Runs this process's part of the chain: stages under a supervisor, the ticker, and the desk for replays. */
export async function startProcessors(kit: Kit, chain: Topology): Promise<Processors> {
  const { log, logger, metrics, closers } = kit
  const schemas = { ids: kit.schemaIds, registry: kit.registry }
  const epochs = await loadEpochs({ log, clock: systemClock, schemas })
  const roles = rolesOf(kit.config)
  const stages = stagesOf(chain, roles)
  const replays =
    stages.length < chain.stages.length
      ? replaysElsewhere(kit)
      : createReplayDesk({
          log,
          stages,
          epochs,
          breathe,
          clock: systemClock,
          random: systemRandom,
          supervisor: () => supervisor,
          onDone: ({ group, epoch, identical }) =>
            logger.info('a replay that was asked for by an offset reset is done', {
              group,
              epoch,
              identical,
            }),
          onProblem: (error) =>
            logger.error('a replay that was asked for by an offset reset failed', { error }),
        })
  const supervisor: Supervisor = createSupervisor(stages, {
    log,
    metrics,
    breathe,
    clock: systemClock,
    random: systemRandom,
    deadLetters: chain.deadLetters,
    epochOf: (group) => epochs.current(group),
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
  closers.push(() => replays.stop())
  // Of all processes with this role one ticks: a consumer group sees to it.
  if (roles.has('processors')) await startTicker(kit)
  return {
    stages: () => supervisor.status(),
    replays,
    groups: chain.stages.map((stage) => stage.name),
  }
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
