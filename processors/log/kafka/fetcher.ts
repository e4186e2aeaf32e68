import type { Clock } from '#/kernel/clock.ts'
import { partitionKey } from '#/processors/log/assignment.ts'
import type { TopicPartition } from '#/processors/log/port.ts'
import { FETCH } from './api-records.ts'
import type { FetchResult } from './api-records.ts'
import { BrokerError, checkCode } from './broker-error.ts'
import type { Cluster } from './cluster.ts'

/** A waiting request holds its connection, so there are some of them; who comes later shares the next free one. */
const POLL_LANES = 6
/** A waiting request is over after this, so that newcomers get in. */
const POLL_MS_MAX = 250
/** Of one answer over all partitions. */
const ANSWER_BYTES_MAX = 16 << 20

export interface FetchInput extends TopicPartition {
  offset: number
  bytesMax: number
}

interface Job extends FetchInput {
  deadlineMs: number
  isOver: boolean
  resolve(result: FetchResult): void
  reject(error: unknown): void
}

interface NodeQueue {
  /** Answered at once, with or without records. */
  now: Job[]
  /** Answered when there are records, or when their time is over. */
  waiting: Job[]
  freeLanes: number[]
  isPlanned: boolean
}

/**
 * Fetches for many partitions in few requests: what is asked for in one turn of the event loop goes to a broker
 * together.
 */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #queues = new Map<number, NodeQueue>()

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster
    this.#clock = clock
  }

  /**
   * What the broker has at `offset`: with `waitMs` 0 at once, else when something came or the time is over.
   * Errors of the partition are in the result; fails with TransportError or BrokerError.
   */
  async fetch(input: FetchInput, waitMs: number, signal?: AbortSignal): Promise<FetchResult> {
    const node = await this.#cluster.leaderOf(input)
    const queue = this.#queueOf(node)
    return new Promise((resolve, reject) => {
      const job: Job = {
        ...input,
        deadlineMs: this.#clock.monotonicMs() + waitMs,
        isOver: false,
        resolve: (result) => {
          job.isOver = true
          signal?.removeEventListener('abort', abort)
          resolve(result)
        },
        reject: (error) => {
          job.isOver = true
          signal?.removeEventListener('abort', abort)
          reject(error instanceof Error ? error : new Error(String(error)))
        },
      }
      const abort = (): void => job.resolve(nothing(job))
      if (signal?.aborted === true) {
        abort()
        return
      }
      signal?.addEventListener('abort', abort, { once: true })
      if (waitMs > 0) queue.waiting.push(job)
      else queue.now.push(job)
      this.#plan(node, queue)
    })
  }

  #queueOf(node: number): NodeQueue {
    let queue = this.#queues.get(node)
    if (queue === undefined) {
      const freeLanes = Array.from({ length: POLL_LANES }, (_, lane) => POLL_LANES - 1 - lane)
      queue = { now: [], waiting: [], freeLanes, isPlanned: false }
      this.#queues.set(node, queue)
    }
    return queue
  }

  #plan(node: number, queue: NodeQueue): void {
    if (queue.isPlanned) return
    queue.isPlanned = true
    setImmediate(() => {
      queue.isPlanned = false
      this.#start(node, queue)
    })
  }

  #start(node: number, queue: NodeQueue): void {
    const now = queue.now.filter((job) => !job.isOver)
    queue.now = []
    for (const jobs of distinct(now))
      void this.#request(node, jobs, { lane: 'fetch', maxWaitMs: 0 })
    queue.waiting = queue.waiting.filter((job) => !job.isOver)
    const lane = queue.waiting.length === 0 ? undefined : queue.freeLanes.pop()
    if (lane === undefined) return
    const [jobs = [], ...later] = distinct(queue.waiting)
    queue.waiting = later.flat()
    void this.#poll({ node, queue, lane }, jobs)
    if (queue.waiting.length > 0) this.#plan(node, queue)
  }

  async #poll(
    { node, queue, lane }: { node: number; queue: NodeQueue; lane: number },
    jobs: readonly Job[],
  ): Promise<void> {
    const nowMs = this.#clock.monotonicMs()
    let maxWaitMs = POLL_MS_MAX
    for (const job of jobs) maxWaitMs = Math.min(maxWaitMs, Math.ceil(job.deadlineMs - nowMs))
    maxWaitMs = Math.max(0, maxWaitMs)
    await this.#request(node, jobs, { lane: `poll${lane}`, maxWaitMs })
    queue.freeLanes.push(lane)
    const endMs = this.#clock.monotonicMs()
    for (const job of jobs) {
      if (job.isOver) continue
      if (job.deadlineMs <= endMs) job.resolve(nothing(job))
      else queue.waiting.push(job)
    }
    if (queue.waiting.length > 0) this.#plan(node, queue)
  }

  /** Settles the jobs that got something; when the broker was not asked to wait, all of them. Never rejects. */
  async #request(
    node: number,
    jobs: readonly Job[],
    { lane, maxWaitMs }: { lane: string; maxWaitMs: number },
  ): Promise<void> {
    try {
      const bytesMax = Math.max(ANSWER_BYTES_MAX, ...jobs.map((job) => job.bytesMax))
      const request = { maxWaitMs, bytesMax, items: itemsOf(jobs) }
      const answer = await this.#cluster.send(node, FETCH, request, { lane, waitMs: maxWaitMs })
      checkCode('Fetch', answer.error)
      const results = new Map(answer.results.map((one) => [partitionKey(one), one]))
      for (const job of jobs) {
        const result = results.get(partitionKey(job))
        if (result === undefined) job.reject(new BrokerError('Fetch', -1, 'a partition is missing'))
        else if (maxWaitMs === 0 || result.error !== 0 || result.records.length > 0)
          job.resolve(result)
      }
    } catch (error) {
      for (const job of jobs) job.reject(error)
    }
  }
}

/**
 * A request names a partition once. Who waits at the same place of it shares the answer: many in a process follow one
 * small topic, and each on its own would hold a lane.
 */
function distinct(jobs: readonly Job[]): Job[][] {
  const rounds: Map<string, Job[]>[] = []
  for (const job of jobs) {
    const key = partitionKey(job)
    let round = rounds.find((one) => (one.get(key)?.[0]?.offset ?? job.offset) === job.offset)
    if (round === undefined) rounds.push((round = new Map()))
    round.set(key, [...(round.get(key) ?? []), job])
  }
  return rounds.map((round) => [...round.values()].flat())
}

/** What is asked of each partition, as much as the one who wants most. */
function itemsOf(jobs: readonly Job[]): FetchInput[] {
  const items = new Map<string, FetchInput>()
  for (const job of jobs) {
    const known = items.get(partitionKey(job))
    if (known === undefined || known.bytesMax < job.bytesMax) items.set(partitionKey(job), job)
  }
  return [...items.values()]
}

function nothing({ topic, partition }: TopicPartition): FetchResult {
  const unknown = { lastStableOffset: -1, logStartOffset: -1 }
  return { topic, partition, error: 0, ...unknown, aborted: [], records: Buffer.alloc(0) }
}
