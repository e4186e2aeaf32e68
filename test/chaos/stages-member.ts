import { createLogger } from '#/cli/logger.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { systemRandom } from '#/kernel/random.ts'
import { openKafkaLog } from '#/processors/log/kafka/kafka-log.ts'
import { createSupervisor } from '#/processors/runtime/platform.ts'
import { drop, OK } from '#/processors/runtime/record.ts'
import type { CreateProcessor } from '#/processors/runtime/stage.ts'
import { createTaskStage } from '#/processors/runtime/task.ts'
import { createDedup, dedupCodec } from '#/processors/stages/dedup.ts'
import { DEAD_LETTERS } from '#/test/sim/fixture.ts'
import { STAGES_PREFIX, STAGES_TOPICS } from './stages-topics.ts'

/**
 * A process that `stages.ts` kills: two stages behind each other, each of which lets every value through once.
 *
 * Arguments: broker, name, `fenced` or anything else for the negative control. Trouble goes to stderr as JSON.
 */
const [broker = '', name = '', fencing] = process.argv.slice(2)
const logger = createLogger({ stream: process.stderr, clock: systemClock, level: 'info' })
const log = await openKafkaLog({
  brokers: [broker],
  client: 'platformatic',
  clientId: name,
  prefix: STAGES_PREFIX,
  replicationFactor: 1,
  fencing: fencing === 'fenced',
  clock: systemClock,
  random: systemRandom,
  onProblem: (error) => logger.warn('log', { member: name, error }),
})

const onceTo =
  (output: string): CreateProcessor =>
  (context) => {
    const dedup = createDedup(context.openStore('dedup', dedupCodec))
    return {
      process({ key, value, timestampMs }) {
        if (dedup.isRepeated(String(value), timestampMs)) return drop('duplicate')
        context.emit(output, context.input.partition, { key, value, timestampMs })
        return OK
      },
    }
  }
const [input, middle, output] = STAGES_TOPICS
const stage = (stageName: string, from: string, to: string) =>
  createTaskStage({ name: stageName, inputs: [from], outputs: [to], createProcessor: onceTo(to) })

const supervisor = createSupervisor(
  [stage('first', input, middle), stage('second', middle, output)],
  {
    log,
    clock: systemClock,
    random: systemRandom,
    metrics: createMetrics(),
    deadLetters: DEAD_LETTERS,
    epochOf: () => 1,
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    onProblem: (problem) => logger.warn('stage', { member: name, ...problem }),
    // Nobody moves offsets here: committed offset and progress record must never part.
    onRewind: (request) => logger.error('rewind', { member: name, ...request }),
  },
)
process.once('SIGINT', () => {
  void (async () => {
    await supervisor.stop()
    await log.close()
    process.exit(0)
  })()
})
await supervisor.start()
