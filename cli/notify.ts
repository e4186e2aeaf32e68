import type { NotifyParts } from '#/api/routes/notify.ts'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { createDeliveryReads } from '#/clickhouse/queries/deliveries.ts'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import { createHttpSender } from '#/processors/notify/http-sender.ts'
import { createNotifyStage, NOTIFY_GROUP } from '#/processors/notify/stage.ts'
import { createSupervisor } from '#/processors/runtime/platform.ts'
import type { DeadLetterPort, Stage } from '#/processors/runtime/stage.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { StageView } from '#/schemas/view.ts'
import type { Kit } from './kit.ts'
import { readNotify, type NotifyConfig } from './notify-config.ts'

export interface Notifier {
  stages(): Promise<readonly StageView[]>
}

const SILENT: Notifier = { stages: async () => [] }

/**
 * Tells the targets of the configuration what happens to incidents. It runs beside the chain, under a supervisor of
 * its own: nothing waits for it, and replays of the chain do not know it.
 */
export async function startNotifier(kit: Kit, deadLetters: DeadLetterPort): Promise<Notifier> {
  const notify = readNotify(kit.config.notify)
  if (notify === undefined || notify.targets.length === 0) return SILENT
  const { log, logger, metrics, closers } = kit
  const supervisor = createSupervisor([stageOf(kit, notify)], {
    log,
    metrics,
    deadLetters,
    clock: systemClock,
    random: systemRandom,
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    epochOf: () => 1,
    onProblem: ({ error, restartInMs }) =>
      logger.error('the notifier failed', { error, restartInMs: restartInMs ?? 'never' }),
    onRewind: () => undefined,
  })
  closers.push(() => supervisor.stop())
  await supervisor.start()
  return { stages: () => supervisor.status() }
}

function stageOf(kit: Kit, notify: NotifyConfig) {
  const { config, dataDir, schemaIds, registry, version } = kit
  const { allowed, timeoutMs, ...rest } = notify
  // Without a setting it is where this process came to listen, which is known once it does.
  const here = (): string => dataDir.read('platform-url') ?? `http://127.0.0.1:${config.port}`
  const base = (): string => (config.publicUrl ?? here()).replace(/\/$/, '')
  return createNotifyStage({
    ...rest,
    schemas: { ids: schemaIds, registry },
    urlOf: (incidentId) => `${base()}/incidents/${encodeURIComponent(incidentId)}`,
    send: createHttpSender({
      clock: systemClock,
      allowed,
      timeoutMs,
      userAgent: `Faultline/${version}`,
    }),
  })
}

/** What the API tells of it: where processes are many, each reads the same configuration. */
export function notifyPartsOf({ config }: Kit, clickhouse: ClickHouse): NotifyParts {
  const notify = readNotify(config.notify)
  return {
    reads: createDeliveryReads(clickhouse),
    targets: notify?.targets ?? [],
    rotation: notify?.rotation,
  }
}

/** For processes that do not run it: whose lag the log shows. */
export function notifierOf(config: Kit['config']): readonly Pick<Stage, 'name' | 'inputs'>[] {
  const { targets = [] } = readNotify(config.notify) ?? {}
  return targets.length === 0 ? [] : [{ name: NOTIFY_GROUP, inputs: [TOPICS.lifecycle.name] }]
}
