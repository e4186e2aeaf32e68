import { AssertionError } from '#/kernel/assert.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { Random } from '#/kernel/random.ts'
import type { GroupMembership, Log, TopicPartition } from '#/processors/log/port.ts'
import { parseCommitMetadata, restMetadata } from './progress.ts'
import { RewindError } from './stage.ts'
import type { DeadLetterPort, Stage, Worker } from './stage.ts'

export interface SupervisorDeps {
  log: Log
  clock: Clock
  random: Random
  metrics: Metrics
  deadLetters: DeadLetterPort
  /** Epoch of a group at the moment a worker starts. */
  epochOf(group: string): number
  /**
   * Asked before a worker starts, reading what there is to know by then: the replay that wants this stage to rest,
   * if any. Whoever gets a partition from a process that rests must rest as well.
   */
  restOf?(stage: string): Promise<number | undefined>
  breathe(): Promise<void>
  /** A worker failed, was restarted or gave up: for the log of the process. */
  onProblem(problem: StageProblem): void
  /** Somebody set offsets back; the live worker goes on where it was, a replay is wished for. */
  onRewind(request: RewindRequest): void
}

export interface StageProblem {
  stage: string
  input: TopicPartition
  error: unknown
  /** Undefined when the worker stays down. */
  restartInMs: number | undefined
}

export interface RewindRequest {
  stage: string
  input: TopicPartition
  /** Where somebody wants to begin again. */
  offset: number
}

type StageState = 'running' | 'restarting' | 'stopped' | 'failed'

/** Health of one stage; the shape the API shows as StageView. */
export interface StageStatus {
  stage: string
  partitions: readonly PartitionStatus[]
  lag: number
  status: StageState
  error: string
}

interface PartitionStatus extends TopicPartition {
  committed: number
  end: number
  lag: number
}

export interface StageRunner {
  readonly stage: Stage
  start(): Promise<void>
  /** Drains, gives the partitions away and stops. */
  stop(): Promise<void>
  /**
   * Drains and rests, but keeps its partitions: nobody else takes them over. With `rest`, the name of a replay, each
   * partition says so in the metadata of its committed offset, which only its owner can write. Repeating it says what
   * could not be said before.
   */
  pause(rest?: number): Promise<void>
  /** The replay it rests for. */
  restsFor(): number | undefined
  /** Starts again after `pause`, `failed` or `stopped`; state is recovered from the log. */
  resume(): Promise<void>
  /** Whether every partition has read everything there is. */
  isCaughtUp(): Promise<boolean>
  membership(): GroupMembership
  status(): Promise<StageStatus>
}

const READ_WAIT_MS = 1000
/** After a small batch wait a little: many small commits cost more than one that is 10 ms later. */
const LINGER_MS = 10
const LINGER_BELOW_RECORDS = 200
const RESTART_FIRST_MS = 200
const RESTART_MAX_MS = 30_000
/** A worker that ran this long without trouble begins its backoff anew. */
const HEALTHY_MS = 60_000

interface PartitionLoop {
  input: TopicPartition
  state: StageState
  error: string
  worker: Worker | undefined
  stop: AbortController
  done: Promise<void>
  /** The replay it has said to rest for. */
  rested: number | undefined
}

/** Runs one stage: a loop for each partition it owns, restarted with backoff when it fails. */
export function createStageRunner(stage: Stage, deps: SupervisorDeps): StageRunner {
  return new Runner(stage, deps)
}

class Runner implements StageRunner {
  readonly stage: Stage
  readonly #deps: SupervisorDeps
  readonly #loops = new Map<string, PartitionLoop>()
  readonly #partitionCounts = new Map<string, number>()
  #membership: GroupMembership | undefined
  #isPaused = false
  #rest: number | undefined

  constructor(stage: Stage, deps: SupervisorDeps) {
    this.stage = stage
    this.#deps = deps
  }

  async start(): Promise<void> {
    for (const topic of await this.#deps.log.topics())
      this.#partitionCounts.set(topic.name, topic.partitions)
    let joined: (() => void) | undefined
    const membershipKnown = new Promise<void>((resolve) => (joined = resolve))
    this.#membership = await this.#deps.log.join({
      group: this.stage.name,
      topics: this.stage.inputs,
      onAssigned: async (partitions) => {
        for (const input of partitions) this.#startLoop(input, membershipKnown)
      },
      onRevoked: async (partitions) => {
        await Promise.all(partitions.map((input) => this.#stopLoop(input)))
      },
    })
    joined?.()
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#loops.values()].map((loop) => this.#stopLoop(loop.input)))
    await this.#membership?.leave()
    this.#membership = undefined
  }

  async pause(rest?: number): Promise<void> {
    this.#isPaused = true
    this.#rest = rest
    const loops = [...this.#loops.values()]
    await Promise.all(loops.map((loop) => this.#halt(loop)))
    for (const loop of loops) await this.#sayRest(loop)
  }

  restsFor(): number | undefined {
    return this.#rest
  }

  async resume(): Promise<void> {
    this.#isPaused = false
    this.#rest = undefined
    if (this.#membership === undefined) return this.start()
    for (const loop of this.#loops.values()) {
      if (loop.state !== 'stopped' && loop.state !== 'failed') continue
      await loop.done
      this.#startLoop(loop.input, Promise.resolve())
    }
  }

  membership(): GroupMembership {
    if (this.#membership === undefined) throw new AssertionError(`${this.stage.name} has joined`)
    return this.#membership
  }

  async isCaughtUp(): Promise<boolean> {
    const { partitions } = await this.status()
    return partitions.every(({ lag }) => lag === 0)
  }

  async status(): Promise<StageStatus> {
    const loops = [...this.#loops.values()]
    const partitions = await Promise.all(loops.map((loop) => this.#partitionStatus(loop)))
    const worst = (['failed', 'restarting', 'stopped'] as const).find((state) =>
      loops.some((loop) => loop.state === state),
    )
    return {
      stage: this.stage.name,
      partitions,
      lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
      status: worst ?? (loops.length === 0 ? 'stopped' : 'running'),
      error: loops.find((loop) => loop.error !== '')?.error ?? '',
    }
  }

  async #partitionStatus(loop: PartitionLoop): Promise<PartitionStatus> {
    const { log, metrics } = this.#deps
    const end = await log.endOffset(loop.input)
    const committed =
      loop.worker?.position() ?? (await log.committed(this.stage.name, loop.input))?.offset ?? 0
    const lag = Math.max(0, end - committed)
    metrics.set('faultline_stage_lag_records', lag, {
      stage: this.stage.name,
      partition: loop.input.partition,
    })
    return { ...loop.input, committed, end, lag }
  }

  #startLoop(input: TopicPartition, ready: Promise<void>): void {
    const stop = new AbortController()
    const loop: PartitionLoop = {
      input,
      state: 'restarting',
      error: '',
      worker: undefined,
      stop,
      done: Promise.resolve(),
      rested: undefined,
    }
    this.#loops.set(keyOf(input), loop)
    if (this.#isPaused) {
      loop.state = 'stopped'
      loop.done = ready.then(() => this.#sayRest(loop))
    } else loop.done = ready.then(() => this.#runLoop(loop))
  }

  async #stopLoop(input: TopicPartition): Promise<void> {
    const loop = this.#loops.get(keyOf(input))
    if (loop === undefined) return
    await this.#halt(loop)
    if (this.#loops.get(keyOf(input)) === loop) this.#loops.delete(keyOf(input))
  }

  async #halt(loop: PartitionLoop): Promise<void> {
    loop.stop.abort()
    await loop.done
  }

  /** Never rejects: what cannot be said now is said when `pause` is repeated. */
  async #sayRest(loop: PartitionLoop): Promise<void> {
    const rest = this.#rest
    if (rest === undefined || loop.rested === rest) return
    const { log } = this.#deps
    const { input } = loop
    try {
      const committed = await log.committed(this.stage.name, input)
      const offset = committed?.offset ?? (await log.beginningOffset(input))
      const note = parseCommitMetadata(committed?.metadata ?? '')
      const metadata = restMetadata(note ?? { epoch: this.#deps.epochOf(this.stage.name) }, rest)
      const offsets = [{ ...input, offset, metadata }]
      await log.commit({ membership: this.#membershipOf(loop), outputs: [], offsets })
      loop.rested = rest
    } catch (error) {
      if (isFaultlineError(error, 'stale_owner')) return
      this.#deps.onProblem({ stage: this.stage.name, input, error, restartInMs: undefined })
    }
  }

  /** Whether a replay wants this stage to rest, asked of the log; then it does. */
  async #mustRest(loop: PartitionLoop): Promise<boolean> {
    const rest = await this.#deps.restOf?.(this.stage.name)
    if (rest === undefined) return false
    this.#isPaused = true
    this.#rest = rest
    await this.#sayRest(loop)
    return true
  }

  /** Runs until told to stop or until the worker may not be restarted. Never rejects. */
  async #runLoop(loop: PartitionLoop): Promise<void> {
    let attempt = 0
    while (!loop.stop.signal.aborted) {
      const startedMs = this.#deps.clock.monotonicMs()
      try {
        if (!(await this.#mustRest(loop))) await this.#runWorker(loop)
        loop.state = 'stopped'
        return
      } catch (error) {
        if (this.#deps.clock.monotonicMs() - startedMs > HEALTHY_MS) attempt = 0
        attempt += 1
        if (await this.#isOver(loop, error, attempt)) return
      } finally {
        loop.worker = undefined
      }
    }
    loop.state = 'stopped'
  }

  async #runWorker(loop: PartitionLoop): Promise<void> {
    const { clock } = this.#deps
    const { signal } = loop.stop
    const worker = this.stage.createWorker(this.#contextOf(loop))
    loop.worker = worker
    await worker.recover()
    loop.state = 'running'
    loop.error = ''
    while (!signal.aborted) {
      const count = await worker.step({ waitMs: READ_WAIT_MS, signal })
      if (count > 0 && count < LINGER_BELOW_RECORDS) await clock.sleep(LINGER_MS, signal)
      else await this.#deps.breathe()
    }
    await worker.drain()
  }

  /** Decides what a failure means; waits before a restart. Returns true when the loop is over. */
  async #isOver(loop: PartitionLoop, error: unknown, attempt: number): Promise<boolean> {
    if (loop.stop.signal.aborted) {
      // What was cut short is done again by the next worker.
      loop.state = 'stopped'
      return true
    }
    if (error instanceof RewindError) return this.#rewound(loop, error)
    if (isFaultlineError(error, 'stale_owner')) {
      // The partition has another owner by now; the group tells us when it is ours again.
      loop.state = 'stopped'
      return true
    }
    loop.error = messageOf(error)
    const isFinal =
      error instanceof AssertionError || isFaultlineError(error, 'dead_letters_exceeded')
    const { random, clock, metrics } = this.#deps
    const ceilingMs = Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** Math.min(attempt - 1, 20))
    const restartInMs = isFinal ? undefined : ceilingMs * (0.5 + random.unit() / 2)
    loop.state = isFinal ? 'failed' : 'restarting'
    this.#deps.onProblem({ stage: this.stage.name, input: loop.input, error, restartInMs })
    if (restartInMs === undefined) return true
    metrics.add('faultline_task_restarts_total', 1, { stage: this.stage.name })
    await clock.sleep(restartInMs, loop.stop.signal)
    return false
  }

  /** Live processing goes on where it was; the wish to replay is handed on. */
  async #rewound(loop: PartitionLoop, { offset, progress }: RewindError): Promise<boolean> {
    try {
      await this.#deps.log.commit({
        membership: this.#membershipOf(loop),
        outputs: [],
        offsets: [{ ...loop.input, ...progress }],
      })
    } catch (error) {
      return this.#isOver(loop, error, 1)
    }
    this.#deps.onRewind({ stage: this.stage.name, input: loop.input, offset })
    return false
  }

  /**
   * A partition that did not drain in time is fenced, but may come back to this very process: what the worker of then
   * still wanted to write must not rest on what the one of now owns.
   */
  #membershipOf(loop: PartitionLoop): GroupMembership {
    const key = keyOf(loop.input)
    if (this.#loops.get(key) !== loop)
      throw new FaultlineError('stale_owner', `${this.stage.name} began anew on ${key}`)
    return this.membership()
  }

  #contextOf(loop: PartitionLoop) {
    const { input } = loop
    const { log, clock, random, metrics, deadLetters } = this.#deps
    return {
      input,
      log,
      clock,
      random,
      metrics,
      deadLetters,
      membership: () => this.#membershipOf(loop),
      epoch: this.#deps.epochOf(this.stage.name),
      partitionsOf: (topic: string) => {
        const count = this.#partitionCounts.get(topic)
        if (count === undefined) throw new AssertionError(`topic ${topic} exists`)
        return count
      },
      breathe: () => this.#deps.breathe(),
    }
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
