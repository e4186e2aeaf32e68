import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { serverProperties } from './broker-config.ts'
import { fetchJars, KAFKA_JARS } from './jars.ts'
import { QUICK_JVM, runJava } from './java.ts'
import { answersKafka, freePorts } from './ports.ts'

/** A real Kafka: one KRaft node on loopback, from the jars of pom.xml. */
export interface BrokerOptions {
  /** Kept at the end when given; otherwise a fresh folder that goes with the broker. */
  dataDir?: string
  port?: number
  heapMb?: number
  /** Lines of server.properties over the usual ones. */
  properties?: Readonly<Record<string, string | number>>
  /** True compiles with the optimising compiler: slower to start, right for figures. */
  isForFigures?: boolean
  onProgress?: (text: string) => void
  /** Whether it serves, where a plain question does not tell: behind TLS. */
  answers?: (port: number) => Promise<boolean>
}

export interface RunningBroker extends AsyncDisposable {
  readonly brokers: readonly string[]
  readonly port: number
  readonly dataDir: string
  /** Of the process that runs now; undefined while none does. */
  readonly pid: number | undefined
  /** What the broker wrote since the first start, its end. */
  log(): string
  /** In order. Without `keepsData` a folder of our own goes with it. */
  stop(options?: { keepsData?: boolean }): Promise<void>
  /** SIGKILL; the data stay. */
  kill(): Promise<void>
  /** Starts again on the same port and data; stops in order first when it runs. */
  restart(): Promise<void>
  pause(): void
  resume(): void
}

const READY_MS_MAX = 90_000
const STOP_MS_MAX = 20_000
const LOG_BYTES_MAX = 64 << 10

export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const jars = await fetchJars(KAFKA_JARS, options.onProgress)
  const isOwnFolder = options.dataDir === undefined
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'faultline-kafka-'))
  const [port = 0, controllerPort = 0] = await freePorts(options.port)
  const broker = new LocalBroker({ options, jars, dataDir, isOwnFolder, port })
  try {
    await broker.format(controllerPort)
    await broker.start()
  } catch (error) {
    await broker.stop()
    throw error
  }
  return broker
}

interface Placed {
  options: BrokerOptions
  jars: string
  dataDir: string
  isOwnFolder: boolean
  port: number
}

class LocalBroker implements RunningBroker {
  readonly #placed: Placed
  readonly #configPath: string
  readonly #logPath: string
  #child: ChildProcess | undefined
  #guard: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()

  constructor(placed: Placed) {
    this.#placed = placed
    this.#configPath = join(placed.dataDir, 'server.properties')
    this.#logPath = join(placed.dataDir, 'broker.log')
  }

  get brokers(): readonly string[] {
    return [`127.0.0.1:${this.port}`]
  }
  get port(): number {
    return this.#placed.port
  }
  get dataDir(): string {
    return this.#placed.dataDir
  }
  get pid(): number | undefined {
    return this.#child?.pid
  }

  log(): string {
    return existsSync(this.#logPath)
      ? readFileSync(this.#logPath, 'utf8').slice(-LOG_BYTES_MAX)
      : ''
  }

  async format(controllerPort: number): Promise<void> {
    const { dataDir, port, jars, options } = this.#placed
    const data = join(dataDir, 'data')
    mkdirSync(data, { recursive: true })
    writeFileSync(
      this.#configPath,
      serverProperties({ port, controllerPort, dataDir: data, more: options.properties ?? {} }),
    )
    if (existsSync(join(data, 'meta.properties'))) return
    const cluster = randomBytes(16).toString('base64url')
    const answer = await runJava(
      'kafka.tools.StorageTool',
      // With an equals sign: an id may begin with a dash.
      ['format', '--standalone', `--cluster-id=${cluster}`, '--config', this.#configPath],
      { classpath: join(jars, '*') },
    )
    if (answer.code !== 0)
      throw new Error(`Kafka's storage could not be formatted:\n${answer.stdout}${answer.stderr}`)
  }

  async start(): Promise<void> {
    const { jars, options, port } = this.#placed
    const jvm = options.isForFigures === true ? QUICK_JVM.slice(-1) : QUICK_JVM
    const log = openSync(this.#logPath, 'a')
    const child = spawn(
      'java',
      [
        `-Xmx${options.heapMb ?? 512}m`,
        ...jvm,
        '-cp',
        join(jars, '*'),
        'kafka.Kafka',
        this.#configPath,
      ],
      { stdio: ['ignore', log, log] },
    )
    closeSync(log)
    this.#child = child
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        if (this.#child === child) this.#child = undefined
        resolve()
      }
      child.on('error', end)
      child.on('exit', end)
    })
    this.#guard = guard(child.pid ?? 0)
    const untilMs = systemClock.monotonicMs() + READY_MS_MAX
    const answers = options.answers ?? answersKafka
    while (!(await answers(port))) {
      if (this.#child === undefined) throw new Error(`Kafka ended at its start:\n${this.log()}`)
      if (systemClock.monotonicMs() > untilMs)
        throw new Error(`Kafka did not answer within ${READY_MS_MAX / 1000} s:\n${this.log()}`)
      await systemClock.sleep(50)
    }
  }

  async stop(options: { keepsData?: boolean } = {}): Promise<void> {
    const child = this.#child
    if (child !== undefined) {
      // A paused process would never see the signal to end.
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      const tooLong = new AbortController()
      await Promise.race([this.#ended, systemClock.sleep(STOP_MS_MAX, tooLong.signal)])
      tooLong.abort()
      await this.kill()
    }
    const { isOwnFolder, dataDir } = this.#placed
    if (isOwnFolder && options.keepsData !== true) rmSync(dataDir, { recursive: true, force: true })
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#ended
    this.#guard?.kill('SIGKILL')
    this.#guard = undefined
  }

  async restart(): Promise<void> {
    await this.stop({ keepsData: true })
    await this.start()
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Whoever started the broker may be killed without a chance to stop it: its closed pipe then ends the broker. */
function guard(pid: number): ChildProcess {
  const child = spawn('sh', ['-c', `cat >/dev/null; kill -9 ${pid} 2>/dev/null`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  child.unref()
  ;(child.stdin as { unref?: () => void } | null)?.unref?.()
  return child
}
