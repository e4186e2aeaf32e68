import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { encode } from '#/schemas/codec.ts'
import type { Event } from '#/schemas/records.ts'
import { startPlatform } from '#/test/e2e/platform.ts'
import type { PlatformOptions, RunningPlatform } from '#/test/e2e/platform.ts'
import { javaClasspath, runJava, whyNoBroker } from './java.ts'
import type { JavaAnswer } from './java.ts'

const JAVA_CLIENT = join(import.meta.dirname, 'front-client.java')
const GROUP_COMMAND = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'

const missingJava = whyNoBroker()
if (missingJava !== undefined)
  process.stderr.write(`\nSKIPPED, NOT PASSED: Java clients on the Kafka front. ${missingJava}\n\n`)
export const hasJava = missingJava === undefined

export const hasKcat = spawnSync('kcat', ['-V']).status === 0
if (!hasKcat)
  process.stderr.write(
    '\nSKIPPED, NOT PASSED: kcat on the Kafka front. Debian, Ubuntu: apt-get install -y kcat\n\n',
  )

/** The Java client of this folder; its answer by the first word of each line. */
export async function javaClient(...args: readonly string[]): Promise<Record<string, string>> {
  const classpath = await javaClasspath()
  const { code, stdout, stderr } = await runJava(JAVA_CLIENT, args, {
    classpath,
    timeoutMs: 150_000,
  })
  if (code !== 0) throw new Error(`the Java client ended with ${code}: ${stdout}${stderr}`)
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  )
}

/** What `kafka-consumer-groups.sh` runs. */
export async function consumerGroups(brokers: string, ...args: string[]): Promise<JavaAnswer> {
  const classpath = await javaClasspath()
  const all = ['--bootstrap-server', brokers, ...args]
  return runJava(GROUP_COMMAND, all, { classpath, timeoutMs: 120_000 })
}

export function kcat(args: readonly string[], input = ''): string {
  const done = spawnSync('kcat', args, { input, encoding: 'utf8', timeout: 60_000 })
  if (done.status !== 0) throw new Error(`kcat ended with ${done.status}: ${done.stderr}`)
  return done.stdout
}

/** A platform whose Kafka front is known. */
export async function startFronted(
  options: PlatformOptions = {},
): Promise<{ platform: RunningPlatform; brokers: string }> {
  const platform = await startPlatform(options)
  return { platform, brokers: platform.kafka }
}

export function kafkaClient(brokers: string): Kafka {
  return new Kafka({ brokers: [brokers], clientId: 'test', logLevel: logLevel.NOTHING })
}

export async function createTopic(
  brokers: string,
  topic: string,
  numPartitions = 3,
): Promise<void> {
  const admin = kafkaClient(brokers).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions }] })
  await admin.disconnect()
}

/** An event as a producer of its own would make it. */
export function eventOf(id: string, nowMs: number, more: Partial<Event> = {}): Event {
  const text = { release: '', host: '', error_code: '', stack: '', route: '', method: '' }
  const ids = { user_id: '', session_id: '', request_id: '', trace_id: '', span_id: '' }
  return {
    project: 'default',
    event_id: id,
    id_made: false,
    event_type: 'error',
    occurred_at: nowMs,
    received_at: nowMs,
    service: 'checkout',
    environment: 'prod',
    severity: 4,
    message: `payment ${id} timed out`,
    error_type: 'TimeoutError',
    status_code: 0,
    duration_ms: null,
    parent_span_id: '',
    tags: [],
    attributes: {},
    attribute_kinds: {},
    flags: [],
    ...text,
    ...ids,
    ...more,
  }
}

/** In Confluent's wire format, with the id a registry gave. */
export function avroEvent(event: Event, schemaId: number): { key: string; value: Buffer } {
  return { key: `${event.project}/${event.service}`, value: encode('Event', schemaId, event) }
}
