import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { messageOf } from '#/kernel/errors.ts'
import { fetchJars, haveJars, KAFKA_JARS } from './jars.ts'

const JAVA_NEEDED = 17
const REMEDY =
  'Debian, Ubuntu: apt-get install -y --no-install-recommends default-jre-headless maven; ' +
  'or set KAFKA_BROKERS to the address of a running Kafka.'

/** Addresses of a Kafka somebody else runs, or undefined. */
export function externalBrokers(): string[] | undefined {
  const named = (process.env['KAFKA_BROKERS'] ?? '').split(',').map((part) => part.trim())
  const brokers = named.filter((part) => part !== '')
  return brokers.length === 0 ? undefined : brokers
}

/** Why no broker, or what else the jars are for, can be started here; undefined when it can. */
export function whyNoBroker(jars = KAFKA_JARS): string | undefined {
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' })
  if (java.status !== 0) return `No Java was found. ${REMEDY}`
  const version = Number(/version "(\d+)/.exec(java.stderr)?.[1] ?? 0)
  if (version < JAVA_NEEDED)
    return `Java ${version} is too old for Kafka 4, which needs ${JAVA_NEEDED}. ${REMEDY}`
  if (!haveJars(jars) && spawnSync('mvn', ['-v']).status !== 0)
    return `No Maven was found to fetch the jars with. ${REMEDY}`
  return undefined
}

/** As `whyNoBroker`, and fetches what is missing: without a way to Maven's repository there is none either. */
export async function whyNoJars(jars = KAFKA_JARS): Promise<string | undefined> {
  const missing = whyNoBroker(jars)
  if (missing !== undefined) return missing
  try {
    await fetchJars(jars, (text) => void process.stderr.write(`${text}\n`))
    return undefined
  } catch (error) {
    return `What it needs could not be fetched: ${messageOf(error)}`
  }
}

/** Class path of the broker, its tools and the Java clients. */
export async function javaClasspath(jars = KAFKA_JARS): Promise<string> {
  return join(await fetchJars(jars), '*')
}

export interface JavaAnswer {
  code: number
  stdout: string
  stderr: string
}

/** Runs a class of Kafka's jars to its end, for example one of its command line tools. */
export function runJava(
  mainClass: string,
  args: readonly string[],
  options: { input?: string; timeoutMs?: number; classpath?: string } = {},
): Promise<JavaAnswer> {
  const classpath = options.classpath ?? join(KAFKA_JARS.folder, '*')
  const child = spawn('java', [...QUICK_JVM, '-cp', classpath, mainClass, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 60_000,
  })
  const told = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (part: string) => (told[name] += part))
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, ...told }))
  })
}

/** Starts fast and stays small; for figures leave these away. */
export const QUICK_JVM = [
  '-XX:TieredStopAtLevel=1',
  '-XX:+UseSerialGC',
  '-Xshare:auto',
  `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
] as const
