import { FaultlineError } from '#/kernel/errors.ts'
import type { Log } from '#/processors/log/port.ts'
import type { KafkaLogOptions } from './options.ts'

/** The log on a Kafka cluster. Fails with `log_unavailable` when no broker answers. */
export async function openKafkaLog(options: KafkaLogOptions): Promise<Log> {
  throw new FaultlineError('log_unavailable', `no way yet to ${options.brokers.join(', ')}`)
}
