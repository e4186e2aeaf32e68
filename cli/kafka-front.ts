import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, systemErrorCode } from '#/kernel/errors.ts'
import type { FrontPolicy, TopicAccess } from '#/processors/log/wire/api.ts'
import { startKafkaFront } from '#/processors/log/wire/front.ts'
import type { KafkaFront } from '#/processors/log/wire/front.ts'
import { stateTopicOf } from '#/processors/runtime/changelog.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { Kit } from './kit.ts'
import type { Config } from './settings.ts'

/**
 * Kafka's protocol on loopback, where the log is the embedded one. The protocol carries no key: where reading needs
 * one, the front stays closed unless it was asked for.
 */
export async function serveKafka(kit: Kit, groups: readonly string[]): Promise<string | null> {
  const { config, logger, closers, embeddedLog } = kit
  if (embeddedLog === undefined || !isWanted(config)) return null
  const front = await listening(config, () =>
    startKafkaFront({
      log: embeddedLog,
      clock: systemClock,
      port: config.kafkaPort,
      policy: platformPolicy(groups),
      onProblem: (error) => logger.error('a request of a Kafka client failed', { error }),
      onRefused: (detail) => logger.warn('a Kafka client was disconnected', { detail }),
    }),
  )
  closers.push(() => front.close())
  return `127.0.0.1:${front.port}`
}

function isWanted({ kafka, readAccess }: Config): boolean {
  return kafka === 'on' || (kafka === 'auto' && readAccess === 'open')
}

async function listening(config: Config, start: () => Promise<KafkaFront>): Promise<KafkaFront> {
  try {
    return await start()
  } catch (error) {
    if (systemErrorCode(error) !== 'EADDRINUSE') throw error
    const detail = `port ${config.kafkaPort} on 127.0.0.1 is already in use`
    throw new FaultlineError('port_taken', detail, {
      cause: error,
      remedy:
        'stop what uses it, choose another with --kafka-port (0 takes a free one), or leave it out with --kafka off',
    })
  }
}

/**
 * Events may be sent to where the door puts them; what the platform derives from them can be read, not written.
 * Keys, decisions about access and the stages' state are nobody else's. Any other topic belongs to its users.
 */
export function platformPolicy(groups: readonly string[]): FrontPolicy {
  const access = new Map<string, TopicAccess>(
    Object.values(TOPICS).map(({ name }) => [name, 'read' as const]),
  )
  access.set(TOPICS.raw.name, 'append')
  for (const { name } of [TOPICS.config, TOPICS.audit]) access.set(name, 'none')
  for (const group of groups) access.set(stateTopicOf(group), 'none')
  const own = new Set(groups)
  return {
    isOwnGroup: (group) => own.has(group),
    accessOf: (topic) => access.get(topic) ?? 'all',
  }
}
