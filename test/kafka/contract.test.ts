/** The contract of the log port on a real Kafka, with both clients. */
import { describe } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { randomSecret, systemRandom } from '#/kernel/random.ts'
import { describeLogContract } from '#/processors/log/contract-suite.ts'
import { openKafkaLog } from '#/processors/log/kafka/kafka-log.ts'
import { KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
import type { KafkaLogOptions } from '#/processors/log/kafka/options.ts'
import { kafkaAvailable, sharedKafka } from './shared.ts'

const BY_BROKER = 'the broker does this by its own clock'

const expectedFailures = {
  LG30: BY_BROKER,
  LG31: BY_BROKER,
  LG32: BY_BROKER,
  LG33: BY_BROKER,
  LG34: BY_BROKER,
}

const notPromised = {
  LG14: 'an append over several partitions is no transaction, which would cost three more round trips',
}

describe.skipIf(!kafkaAvailable())('on a real broker', () => {
  for (const client of KAFKA_CLIENTS) {
    describeLogContract(
      `kafka by ${client}`,
      async () => {
        const options: KafkaLogOptions = {
          brokers: sharedKafka().brokers,
          client,
          clientId: 'contract',
          // Each test has names of its own, so that nothing must be removed between them.
          prefix: `${randomSecret(6)}.`,
          heartbeatMs: 50,
          clock: systemClock,
          random: systemRandom,
        }
        let log = await openKafkaLog(options)
        return {
          log,
          maintainsItself: true,
          reopen: async () => {
            await log.close()
            return (log = await openKafkaLog(options))
          },
          dispose: () => log.close(),
        }
      },
      { expectedFailures, notPromised },
    )
  }
})
