import { hostname } from 'node:os'
import { readFileSync } from 'node:fs'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import { systemRandom } from '#/kernel/random.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import { openKafkaLog } from '#/processors/log/kafka/kafka-log.ts'
import type { SaslOptions, TlsOptions } from '#/processors/log/kafka/options.ts'
import { brokersOf } from './config-checks.ts'
import type { Kit } from './kit.ts'
import type { Logger } from './logger.ts'
import { rolesOf } from './roles.ts'
import type { Config } from './settings.ts'

export interface LogDeps {
  config: Config
  metrics: Metrics
  logger: Logger
}

/** The log the configuration names: Kafka's, or the one in the data folder. */
export async function openLog({
  config,
  metrics,
  logger,
}: LogDeps): Promise<Pick<Kit, 'log' | 'embeddedLog'>> {
  const onProblem = (error: unknown): void => logger.warn('the log', { error })
  const shared = { clock: systemClock, metrics, onProblem }
  if (config.kafkaBrokers === undefined) {
    const { dataDir: dir, durability } = config
    const log = await openEmbeddedLog({ ...shared, dir, durability })
    return { log, embeddedLog: log }
  }
  const log = await openKafkaLog({
    ...shared,
    brokers: brokersOf(config),
    client: config.kafkaClient,
    clientId: `faultline-${rolesOf(config).names.join('-')}-${hostname()}`,
    tls: tlsOf(config),
    sasl: saslOf(config),
    compression: config.kafkaCompression,
    replicationFactor: config.kafkaReplicationFactor,
    ...(config.kafkaPrefix === undefined ? {} : { prefix: config.kafkaPrefix }),
    random: systemRandom,
  })
  return { log, embeddedLog: undefined }
}

function tlsOf({ kafkaTls, kafkaCa, kafkaCert, kafkaCertKey }: Config): TlsOptions | undefined {
  if (!kafkaTls) return undefined
  return {
    ...(kafkaCa === undefined ? {} : { ca: pemOf('kafka-ca', kafkaCa) }),
    ...(kafkaCert === undefined ? {} : { cert: pemOf('kafka-cert', kafkaCert) }),
    ...(kafkaCertKey === undefined ? {} : { key: pemOf('kafka-cert-key', kafkaCertKey) }),
  }
}

function saslOf({ kafkaSasl, kafkaUser, kafkaPassword }: Config): SaslOptions | undefined {
  if (kafkaSasl === undefined || kafkaUser === undefined || kafkaPassword === undefined)
    return undefined
  return { mechanism: kafkaSasl, username: kafkaUser, password: kafkaPassword }
}

function pemOf(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new FaultlineError('config_invalid', `${file} cannot be read: ${messageOf(error)}`, {
      path: name,
      cause: error,
    })
  }
}
