/** The adapter against the embedded log's own Kafka front: the contract where no broker can be had. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import { describeLogContract } from '#/processors/log/contract-suite.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import { openFront } from '#/processors/log/wire/test-front.ts'
import { openKafkaLog } from './kafka-log.ts'
import { KAFKA_CLIENTS } from './options.ts'
import type { KafkaLogOptions } from './options.ts'

const UPKEEP = 'upkeep is that of the log behind'
const NO_ALTERING = 'the front changes no topic that is there'

for (const client of KAFKA_CLIENTS) {
  describeLogContract(
    `embedded, through its Kafka front, by ${client}`,
    async () => {
      const dir = mkdtempSync(join(tmpdir(), 'faultline-front-'))
      const embedded = await openEmbeddedLog({ dir, clock: systemClock })
      const front = await openFront(embedded)
      const options: KafkaLogOptions = {
        brokers: [`127.0.0.1:${front.port}`],
        client,
        clientId: 'contract',
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
        dispose: async () => {
          await log.close()
          await front.close()
          await embedded.close()
          rmSync(dir, { recursive: true, force: true })
        },
      }
    },
    {
      expectedFailures: {
        LG9: NO_ALTERING,
        LG23: NO_ALTERING,
        LG30: UPKEEP,
        LG31: UPKEEP,
        LG32: UPKEEP,
        LG33: UPKEEP,
        LG34: UPKEEP,
      },
      notPromised: { LG14: 'an append over several partitions is no transaction' },
    },
  )
}
