import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
import type { KafkaClient } from '#/processors/log/kafka/options.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { startBroker } from '#/test/kafka/broker.ts'
import type { RunningBroker } from '#/test/kafka/broker.ts'
import { whyNoBroker } from '#/test/kafka/java.ts'
import { median, sustained, whole } from './end-to-end.ts'
import type { Sustained } from './end-to-end.ts'
import type { CountTopics } from './peers/count-stage.ts'
import { fillTopic } from './peers/fill.ts'
import { countsOf, end, race } from './peers/race.ts'
import type { RaceResult } from './peers/race.ts'
import { compileStreams, startStreams } from './peers/streams.ts'

/** A real broker, our processors and a Kafka Streams application doing the same job over the same topic, one after the other. */
type Print = (line: string) => void

const EVENTS = 400_000
const WARM_UP = 200_000
const PARTITIONS = 4
const STREAMS_THREADS = 2
const INPUT = 'bench.raw'

const ROUNDS = 3
const SECONDS = 8
const RATE_MUST = 15_000

/** `rows` shortens or lengthens the race, `seconds` each round of the whole chain. */
export async function run(
  print: Print,
  { rows = EVENTS, seconds = SECONDS }: { rows?: number; seconds?: number } = {},
): Promise<void> {
  const missing = whyNoBroker()
  if (missing !== undefined) throw new Error(missing)
  const folder = mkdtempSync(join(tmpdir(), 'faultline-bench-kafka-'))
  try {
    const classpath = await compileStreams(folder, print)
    const theirs = await sameJob(print, { classpath, folder, events: rows })
    for (const client of KAFKA_CLIENTS) await wholeChain(print, { client, seconds, theirs })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const newBroker = (): Promise<RunningBroker> => startBroker({ isForFigures: true, heapMb: 1024 })

interface ChainWish {
  client: KafkaClient
  seconds: number
  theirs: RaceResult
}

/** The platform as users run it, from POST to rows and incidents; a fresh broker and a fresh platform for every round. */
async function wholeChain(print: Print, { client, seconds, theirs }: ChainWish): Promise<void> {
  const rounds: Sustained[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    await using broker = await newBroker()
    const args = ['--kafka-brokers', broker.brokers.join(','), '--kafka-client', client]
    rounds.push(await sustained(print, { seconds, args, brokerPid: broker.pid ?? 0 }))
  }
  const rate = median(rounds.map((round) => round.rate))
  const platformUs = median(rounds.map((round) => round.platformUs))
  print(
    `whole chain, ${client}: median ${whole(rate)} events/s (must ${whole(RATE_MUST)}: ${rate >= RATE_MUST ? 'reached' : 'MISSED'}; goal 25,000), platform ${platformUs.toFixed(1)} µs/event; per core ${(theirs.ownUs / platformUs).toFixed(2)} of Kafka Streams, which only decodes, fingerprints and counts`,
  )
}

interface Course {
  classpath: string
  folder: string
  events: number
}

/** Decode, fingerprint, count, write back; answers what Kafka Streams took. */
async function sameJob(print: Print, course: Course): Promise<RaceResult> {
  await using broker = await newBroker()
  const events = course.events + WARM_UP
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
  return theirs
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
    // The events are of a past day: the broker would delete them while we look.
    topics: names.map((topic: string) => ({
      topic,
      numPartitions: PARTITIONS,
      configEntries: [{ name: 'retention.ms', value: '-1' }],
    })),
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
