import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AVRO_SCHEMAS } from '#/schemas/avro-schemas.ts'
import { fetchJars, jarsOf } from '#/test/kafka/jars.ts'
import { QUICK_JVM } from '#/test/kafka/java.ts'
import { COUNT_FIELDS } from './count-stage.ts'
import type { CountTopics } from './count-stage.ts'

const SOURCE = join(import.meta.dirname, 'CountPerMinute.java')
const STREAMS_JARS = jarsOf(join(import.meta.dirname, 'pom.xml'))

/** Fetches what it needs and compiles it; answers its class path. Needs a JDK, not only a runtime. */
export async function compileStreams(
  folder: string,
  onProgress: (text: string) => void,
): Promise<string> {
  const jars = join(await fetchJars(STREAMS_JARS, onProgress), '*')
  const classes = join(folder, 'classes')
  const made = spawnSync('javac', ['-cp', jars, '-d', classes, SOURCE], { encoding: 'utf8' })
  if (made.error !== undefined)
    throw new Error(
      'No javac was found. Debian, Ubuntu: apt-get install -y --no-install-recommends default-jdk-headless',
    )
  if (made.status !== 0) throw new Error(`the Kafka Streams application:\n${made.stderr}`)
  return `${classes}:${jars}`
}

export interface StreamsOptions {
  classpath: string
  folder: string
  brokers: readonly string[]
  group: string
  topics: CountTopics
  eventSchemaId: number
  threads: number
}

/** Starts the application; it has its optimising compiler and a heap it does not fill. */
export function startStreams(options: StreamsOptions): ChildProcess {
  const { classpath, folder, brokers, group, topics, eventSchemaId, threads } = options
  mkdirSync(folder, { recursive: true })
  const writer = join(folder, 'event.avsc')
  const reader = join(folder, 'projection.avsc')
  writeFileSync(writer, AVRO_SCHEMAS.Event)
  writeFileSync(reader, projection())
  const work = [brokers.join(','), group, topics.input, topics.events, topics.counts]
  const rest = [writer, String(eventSchemaId), reader, String(threads), join(folder, 'state')]
  const logging = QUICK_JVM.slice(-1)
  return spawn(
    'java',
    ['-Xmx1g', ...logging, '-cp', classpath, 'CountPerMinute', ...work, ...rest],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
}

/** It reads the same fields as our stage and skips the others. */
function projection(): string {
  const schema = JSON.parse(AVRO_SCHEMAS.Event) as { fields: { name: string }[] }
  const wanted: readonly string[] = COUNT_FIELDS
  return JSON.stringify({
    ...schema,
    fields: schema.fields.filter(({ name }) => wanted.includes(name)),
  })
}
