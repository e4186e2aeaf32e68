import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { startBroker } from '#/test/kafka/broker.ts'
import type { RunningBroker } from '#/test/kafka/broker.ts'
import { whyNoBroker } from '#/test/kafka/java.ts'
import type { CountTopics } from './peers/count-stage.ts'
import { fillTopic } from './peers/fill.ts'
import { countsOf, end, race } from './peers/race.ts'
import type { RaceResult } from './peers/race.ts'
import { compileStreams, startStreams } from './peers/streams.ts'

/** A real broker, our processors and a Kafka Streams application doing the same job over the same topic, one after the other. */
type Print = (line: string) => void

const EVENTS = 400_000
const WARM_UP = 50_000
const PARTITIONS = 4
const STREAMS_THREADS = 2
const INPUT = 'bench.raw'

const whole = (value: number): string => Math.round(value).toLocaleString('en')

export async function run(print: Print, { rows = EVENTS }: { rows?: number } = {}): Promise<void> {
  const missing = whyNoBroker()
  if (missing !== undefined) throw new Error(missing)
  const folder = mkdtempSync(join(tmpdir(), 'faultline-bench-kafka-'))
  try {
    const classpath = await compileStreams(folder, print)
    await using broker = await startBroker({ isForFigures: true, heapMb: 1024, onProgress: print })
    await sameJob(print, { broker, classpath, folder, events: rows + WARM_UP })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Course {
  broker: RunningBroker
  classpath: string
  folder: string
  events: number
}

async function sameJob(print: Print, course: Course): Promise<void> {
  const { broker, events } = course
  const ids = await registerAll(createMemoryRegistry())
  const contestants = ['streams', ...KAFKA_CLIENTS]
  await createTopics(broker, contestants)
  await fillTopic({ brokers: broker.brokers, topic: INPUT, partitions: PARTITIONS, events, ids })
  print(
    `${whole(events)} events in ${PARTITIONS} partitions; the first ${whole(WARM_UP)} warm up, exactly once on both sides`,
  )
  const theirs = await timed(print, 'Kafka Streams', {
    group: 'streams',
    start: (topics) =>
      startStreams({
        ...course,
        brokers: broker.brokers,
        group: 'streams',
        topics,
        eventSchemaId: ids.Event,
        threads: STREAMS_THREADS,
      }),
    broker,
  })
  const expected = await countsOf(broker.brokers, countsTopic('streams'))
  const total = [...expected.values()].reduce((sum, count) => sum + count, 0)
  if (total !== events) throw new Error(`Kafka Streams counted ${total} of ${events} events`)
  for (const client of KAFKA_CLIENTS) {
    const ours = await timed(print, `ours, ${client}`, {
      group: client,
      start: (topics) => startOurs(broker, client, topics),
      broker,
    })
    assertSame(await countsOf(broker.brokers, countsTopic(client)), expected, client)
    print(
      `  ours / theirs, ${client}: per core ${(theirs.ownUs / ours.ownUs).toFixed(2)}, with the broker's CPU ${((theirs.ownUs + theirs.brokerUs) / (ours.ownUs + ours.brokerUs)).toFixed(2)}, events/s ${(rateOf(ours) / rateOf(theirs)).toFixed(2)}; same ${whole(expected.size)} counts`,
    )
  }
}

const rateOf = ({ records, seconds }: RaceResult): number => records / seconds

function topicsOf(group: string): CountTopics {
  return { input: INPUT, events: `bench.${group}.events`, counts: `bench.${group}.counts` }
}

function countsTopic(group: string) {
  return { topic: topicsOf(group).counts, partitions: PARTITIONS }
}

async function createTopics(broker: RunningBroker, groups: readonly string[]): Promise<void> {
  const admin = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const names = [INPUT, ...groups.flatMap((group) => Object.values(topicsOf(group)).slice(1))]
  await admin.createTopics({
    waitForLeaders: true,
    topics: names.map((topic: string) => ({ topic, numPartitions: PARTITIONS })),
  })
  await admin.disconnect()
}

async function timed(
  print: Print,
  name: string,
  wish: { group: string; start(topics: CountTopics): ChildProcess; broker: RunningBroker },
): Promise<RaceResult> {
  const { group, broker } = wish
  const child = wish.start(topicsOf(group))
  try {
    const result = await race({
      group,
      brokers: broker.brokers,
      topic: INPUT,
      process: child,
      brokerPid: broker.pid ?? 0,
      warmUp: WARM_UP,
    })
    print(
      `${name.padEnd(18)} ${whole(rateOf(result))} events/s, ${whole(1e6 / result.ownUs)} per core; CPU µs/event ${result.ownUs.toFixed(1)}, broker ${result.brokerUs.toFixed(1)}; load ${loadavg()[0]?.toFixed(1)}`,
    )
    return result
  } finally {
    await end(child)
  }
}

function startOurs(broker: RunningBroker, client: string, topics: CountTopics): ChildProcess {
  const options = { brokers: broker.brokers.join(','), client, group: client, ...topics }
  const args = Object.entries({ ...options, partitions: PARTITIONS }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const script = join(import.meta.dirname, 'peers', 'count-process.ts')
  return spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
}

function assertSame(
  ours: ReadonlyMap<string, number>,
  theirs: ReadonlyMap<string, number>,
  client: string,
): void {
  const keys = new Set([...ours.keys(), ...theirs.keys()])
  const other = [...keys].filter((key) => ours.get(key) !== theirs.get(key))
  if (other.length > 0)
    throw new Error(`${client}: ${other.length} of ${keys.size} counts differ, first ${other[0]}`)
}
