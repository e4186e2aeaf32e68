import { parseArguments } from '#/cli/options.ts'
import { KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { systemRandom } from '#/kernel/random.ts'
import { openKafkaLog } from '#/processors/log/kafka/kafka-log.ts'
import { stateTopicOf } from '#/processors/runtime/changelog.ts'
import { createSupervisor } from '#/processors/runtime/platform.ts'
import { createDeadLetterPort } from '#/processors/stages/dead-letter-record.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { createCountStage } from './count-stage.ts'

/** Our contestant as a process of its own, until it is told to end. */
const { given } = parseArguments(process.argv.slice(2), [
  { name: 'brokers', type: 'text', about: 'addresses' },
  { name: 'client', type: 'text', about: 'kafkajs or platformatic' },
  { name: 'group', type: 'text', about: 'name of the stage' },
  { name: 'input', type: 'text', about: 'topic' },
  { name: 'events', type: 'text', about: 'topic for events with fingerprints' },
  { name: 'counts', type: 'text', about: 'topic for counts' },
  { name: 'partitions', type: 'number', about: 'of the input' },
])
const text = (name: string): string => String(given[name])
const registry = createMemoryRegistry()
const schemas = { ids: await registerAll(registry), registry }
const say = (value: unknown): void => void process.stderr.write(`${String(value)}\n`)
const log = await openKafkaLog({
  brokers: text('brokers').split(','),
  client: KAFKA_CLIENTS.find((known) => known === given['client']) ?? 'kafkajs',
  clientId: text('group'),
  clock: systemClock,
  random: systemRandom,
  onProblem: say,
})
const group = text('group')
await log.createTopics([
  {
    name: stateTopicOf(group),
    partitions: Number(given['partitions']),
    retentionMs: Infinity,
    retentionBytes: Infinity,
    compacted: true,
  },
])
const stage = createCountStage(group, {
  schemas,
  topics: { input: text('input'), events: text('events'), counts: text('counts') },
})
const supervisor = createSupervisor([stage], {
  log,
  clock: systemClock,
  random: systemRandom,
  metrics: createMetrics(),
  deadLetters: createDeadLetterPort(schemas.ids),
  epochOf: () => 1,
  breathe: () => new Promise((resolve) => setImmediate(resolve)),
  onProblem: ({ error }) => say(error instanceof Error ? error.stack : error),
  onRewind: say,
})
await supervisor.start()
process.stdout.write('RUNNING\n')
process.once('SIGTERM', () => {
  void supervisor
    .stop()
    .then(() => log.close())
    .then(() => process.exit(0))
})
