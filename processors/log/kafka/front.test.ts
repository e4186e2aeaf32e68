/** The contract of the log port on the embedded log, spoken to as Kafka is: through its protocol, with both clients. */
import { describe } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { randomSecret, systemRandom } from '#/kernel/random.ts'
import { describeLogContract } from '#/processors/log/contract-suite.ts'
import { openKafkaLog } from './kafka-log.ts'
import { KAFKA_CLIENTS } from './options.ts'
import type { KafkaLogOptions } from './options.ts'
import type { Log } from '#/processors/log/port.ts'
import { TestLogs } from '#/processors/log/test-log.ts'
import { OPEN_POLICY, openFront } from '#/processors/log/wire/test-front.ts'

const BY_CONFIGURATION =
  'the front serves neither CreatePartitions nor AlterConfigs: the topics of a platform follow its configuration'
const expectedFailures = { LG9: BY_CONFIGURATION, LG23: BY_CONFIGURATION }
const notPromised = {
  LG14: 'an append over several partitions is no transaction, which would cost three more round trips',
}

describe('the embedded log through its Kafka front', () => {
  for (const client of KAFKA_CLIENTS) {
    describeLogContract(
      `front by ${client}`,
      async () => {
        const logs = new TestLogs()
        // Small segments, so that every rule crosses their borders.
        const embedded = await logs.open(logs.newDir(), { segmentBytesMax: 2000 })
        const front = await openFront(embedded, OPEN_POLICY)
        const options: KafkaLogOptions = {
          brokers: [`127.0.0.1:${front.port}`],
          client,
          clientId: 'contract',
          prefix: `${randomSecret(6)}.`,
          heartbeatMs: 50,
          replicationFactor: 1,
          clock: systemClock,
          random: systemRandom,
        }
        // Retention and compaction are no part of the protocol: the log behind it does them when it is told to.
        const open = async (): Promise<Log> => {
          const log = await openKafkaLog(options)
          log.maintain = (nowMs) => embedded.maintain(nowMs)
          return log
        }
        let log = await open()
        return {
          log,
          reopen: async () => {
            await log.close()
            return (log = await open())
          },
          dispose: async () => {
            await log.close()
            await front.close()
            await logs.clean()
          },
        }
      },
      { expectedFailures, notPromised },
    )
  }
})
