import type { ClickHouse } from '#/clickhouse/client.ts'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import { createSupervisor, type Supervisor } from '#/processors/runtime/platform.ts'
import { createReplayDesk, type ReplayDesk } from '#/processors/runtime/replay-desk.ts'
import { createTicker } from '#/processors/runtime/ticker.ts'
import { loadEpochs } from '#/processors/stages/epochs.ts'
import { topicConfigsOf, type Topology } from '#/processors/topology.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { composeChain } from './chain.ts'
import type { Kit } from './kit.ts'

export interface Processors {
  supervisor: Supervisor
  replays: ReplayDesk
  groups: readonly string[]
}

const DAY_MS = 86_400_000

/** Gives other work of this process a turn: timers, sockets, then us again. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Creates the topics of the chain; the rest of the platform may use them from then on. */
export async function prepareChain(kit: Kit, clickhouse: ClickHouse): Promise<Topology> {
  const chain = composeChain(kit, clickhouse)
  const { partitions, logRetentionDays } = kit.config
  await kit.log.createTopics(
    topicConfigsOf(chain.stages, { partitions, retentionMs: logRetentionDays * DAY_MS }),
  )
  return chain
}

/** Runs the chain: stages under a supervisor, the ticker that gives them time, and the desk for replays. */
export async function startProcessors(kit: Kit, chain: Topology): Promise<Processors> {
  const { log, logger, metrics, closers } = kit
  const schemas = { ids: kit.schemaIds, registry: kit.registry }
  const epochs = await loadEpochs({ log, clock: systemClock, schemas })
  const { stages } = chain
  const replays = createReplayDesk({
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
  await startTicker(kit)
  return { supervisor, replays, groups: stages.map((stage) => stage.name) }
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
