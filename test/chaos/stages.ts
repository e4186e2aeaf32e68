import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom, systemRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'
import { openKafkaLog } from '#/processors/log/kafka/kafka-log.ts'
import type { Log, ProducedRecord } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { stateTopicOf } from '#/processors/runtime/changelog.ts'
import { DEAD_LETTERS } from '#/test/sim/fixture.ts'
import { startBroker } from '#/test/kafka/broker.ts'
import type { RunningBroker } from '#/test/kafka/broker.ts'
import { STAGES_PREFIX, STAGES_TOPICS } from './stages-topics.ts'

/**
 * Stages alone on a real Kafka, without doors, tables and pages: starts are quick, so that kills, pauses and restarts
 * come ten times as often as in the chaos of whole roles. Every value is sent once or several times, and has to stand
 * once in each topic behind a stage.
 */
export interface StagesChaosOptions {
  actions: number
  seed: number
  durationMsMax: number
  /** False is the negative control: nothing keeps a former owner out. */
  fencing: boolean
  onProgress?: (state: { actions: number; sent: number }) => void
  signal?: AbortSignal
}

export interface StagesChaosReport {
  actions: number
  /** How often each kind of thing was done. */
  done: Readonly<Record<string, number>>
  /** Values, each counted once. */
  sent: number
  /** Batches that were sent again. */
  resent: number
  /** Transactions that the broker had left without markers. */
  repaired: number
  faults: string[]
}

const PARTITIONS = [0, 1, 2] as const
const MEMBERS = 3
const BATCH_MAX = 60
const PAUSE_MS = 20
const GAP_MS_MAX = 2000
const FREEZE_MS = { short: 2500, long: 25_000 }
/** Between two disturbances of the broker. */
const BROKER_REST_MS = 4000
/** Batches a sender may still repeat. */
const REPEATABLE_MAX = 400
const START_MS = 8000
const SETTLE_MS_MAX = 120_000
const SETTLE_STEP_MS = 500
const READ_BYTES = 1 << 20
const SHOWN_MAX = 5
const STDERR_MAX = 4000

type Action = 'kill' | 'stop' | 'freeze' | 'freeze long' | 'broker'
/** Each as often as it stands here. */
const ACTIONS: readonly Action[] = [
  ...Array<Action>(10).fill('kill'),
  ...Array<Action>(3).fill('stop'),
  ...Array<Action>(2).fill('freeze'),
  ...Array<Action>(2).fill('freeze long'),
  ...Array<Action>(3).fill('broker'),
]

interface Member {
  process: ChildProcess
  isBusy: boolean
}

export async function runStagesChaos(options: StagesChaosOptions): Promise<StagesChaosReport> {
  await using broker = await startBroker()
  const log = await openKafkaLog({
    brokers: broker.brokers,
    client: 'platformatic',
    clientId: 'judge',
    prefix: STAGES_PREFIX,
    replicationFactor: 1,
    deliveryMsMax: SETTLE_MS_MAX,
    clock: systemClock,
    random: systemRandom,
  })
  const run = new StagesChaos({ options, broker, log })
  try {
    return await run.toTheEnd()
  } finally {
    run.killAll()
    await log.close()
  }
}

class StagesChaos {
  readonly #options: StagesChaosOptions
  readonly #broker: RunningBroker
  readonly #log: Log
  readonly #random: Random
  readonly #members: Member[] = []
  readonly #sent = PARTITIONS.map(() => 0)
  readonly #done: Record<string, number> = {}
  readonly #faults: string[] = []
  readonly #underWay = new Set<Promise<void>>()
  #actions = 0
  #resent = 0
  #repaired = 0
  #memberCount = 0
  #isBrokerBusy = false
  #isOver = false

  constructor(given: { options: StagesChaosOptions; broker: RunningBroker; log: Log }) {
    this.#options = given.options
    this.#broker = given.broker
    this.#log = given.log
    this.#random = createSeededRandom(given.options.seed)
  }

  async toTheEnd(): Promise<StagesChaosReport> {
    await this.#createTopics()
    const senders = PARTITIONS.map((partition) => this.#send(partition))
    for (let count = 0; count < MEMBERS; count += 1) this.#start()
    const endMs = systemClock.monotonicMs() + this.#options.durationMsMax
    await systemClock.sleep(START_MS)
    const isDue = (): boolean =>
      this.#actions >= this.#options.actions ||
      systemClock.monotonicMs() >= endMs ||
      this.#options.signal?.aborted === true
    while (!isDue()) {
      await systemClock.sleep(this.#random.int(GAP_MS_MAX))
      this.#act(this.#random.pick(ACTIONS))
      this.#options.onProgress?.({ actions: this.#actions, sent: this.#total() })
    }
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    this.#isOver = true
    await Promise.all(senders)
    await this.#settle()
    for (const topic of STAGES_TOPICS.slice(1))
      await Promise.all(PARTITIONS.map((partition) => this.#judge(topic, partition)))
    return {
      actions: this.#actions,
      done: this.#done,
      sent: this.#total(),
      resent: this.#resent,
      repaired: this.#repaired,
      faults: this.#faults,
    }
  }

  killAll(): void {
    for (const { process: child } of this.#members) child.kill('SIGKILL')
  }

  #total(): number {
    return this.#sent.reduce((sum, one) => sum + one, 0)
  }

  async #createTopics(): Promise<void> {
    const kept = { partitions: PARTITIONS.length, retentionMs: Infinity, retentionBytes: Infinity }
    const states = ['first', 'second'].map(stateTopicOf)
    await this.#log.createTopics([
      ...[...STAGES_TOPICS, DEAD_LETTERS.topic].map((name) => ({
        name,
        ...kept,
        compacted: false,
      })),
      ...states.map((name) => ({ name, ...kept, compacted: true })),
    ])
  }

  #start(): void {
    const name = `member-${(this.#memberCount += 1)}`
    const mode = this.#options.fencing ? 'fenced' : 'free'
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'stages-member.ts'), this.#broker.brokers[0]!, name, mode],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_MAX)
      for (const line of text.split('\n'))
        if (line.includes('"level":"error"')) this.#faults.push(line)
        else if (line.includes('without markers')) this.#repaired += 1
    })
    const member: Member = { process: child, isBusy: false }
    child.on('close', (code) => {
      const at = this.#members.indexOf(member)
      if (at < 0 || this.#isOver) return
      this.#members.splice(at, 1)
      // A start meets a broker that is away just then.
      if (!stderr.includes('log_unavailable'))
        this.#faults.push(`${name} ended by itself with ${code}: ${stderr.slice(-500)}`)
      this.#start()
    })
    this.#members.push(member)
  }

  /** Values of a partition are numbered; a quarter of the batches comes a second time, as from senders without answer. */
  async #send(partition: number): Promise<void> {
    const random = createSeededRandom(this.#options.seed + 1 + partition)
    const recent: ProducedRecord[][] = []
    while (!this.#isOver) {
      const records = Array.from({ length: 1 + random.int(BATCH_MAX) }, () =>
        recordOf(`${partition}-${this.#sent[partition]!++}`),
      )
      recent.push(records)
      if (recent.length > REPEATABLE_MAX) recent.shift()
      await this.#deliver(partition, records)
      if (random.int(4) === 0) {
        this.#resent += 1
        await this.#deliver(partition, random.pick(recent))
      }
      await systemClock.sleep(PAUSE_MS)
    }
  }

  /** Until it is acknowledged. */
  async #deliver(partition: number, records: readonly ProducedRecord[]): Promise<void> {
    for (;;) {
      try {
        await this.#log.append([{ topic: STAGES_TOPICS[0], partition, records }])
        return
      } catch {
        await systemClock.sleep(PAUSE_MS)
      }
    }
  }

  /** Begins what was drawn and does not wait for it; nothing when nobody is there to do it to. */
  #act(action: Action): void {
    if (action === 'broker') {
      if (this.#isBrokerBusy) return
      this.#begin(this.#random.pick(['pause', 'pause', 'kill', 'restart']), (how) =>
        this.#disturbBroker(how),
      )
      return
    }
    const idle = this.#members.filter((member) => !member.isBusy)
    if (idle.length === 0) return
    const member = this.#random.pick(idle)
    this.#begin(action, () => this.#disturb(member, action))
  }

  #begin(name: string, work: (name: string) => Promise<void>): void {
    this.#actions += 1
    this.#done[name] = (this.#done[name] ?? 0) + 1
    const running = work(name).catch((error: unknown) => {
      this.#faults.push(`${name}: ${String(error).slice(0, 800)}`)
    })
    this.#underWay.add(running)
    void running.then(() => this.#underWay.delete(running))
  }

  async #disturb(member: Member, action: Exclude<Action, 'broker'>): Promise<void> {
    if (action === 'kill' || action === 'stop') {
      this.#members.splice(this.#members.indexOf(member), 1)
      member.process.kill(action === 'kill' ? 'SIGKILL' : 'SIGINT')
      this.#start()
      return
    }
    member.isBusy = true
    member.process.kill('SIGSTOP')
    const longest = action === 'freeze' ? FREEZE_MS.short : FREEZE_MS.long
    await systemClock.sleep(this.#random.int(longest))
    member.process.kill('SIGCONT')
    member.isBusy = false
  }

  async #disturbBroker(how: string): Promise<void> {
    this.#isBrokerBusy = true
    if (how === 'pause') {
      this.#broker.pause()
      await systemClock.sleep(this.#random.int(FREEZE_MS.long))
      this.#broker.resume()
    } else {
      if (how === 'kill') await this.#broker.kill()
      await this.#broker.restart()
    }
    await systemClock.sleep(BROKER_REST_MS)
    this.#isBrokerBusy = false
  }

  /** Until both stages have read everything, or the time is up. */
  async #settle(): Promise<void> {
    const endMs = systemClock.monotonicMs() + SETTLE_MS_MAX
    while (systemClock.monotonicMs() < endMs) {
      const lags = (
        await Promise.all(['first', 'second'].map((group) => this.#log.lag(group)))
      ).flat()
      const isCovered = lags.length === 2 * PARTITIONS.length
      if (isCovered && lags.every(({ committed, end }) => committed >= end)) return
      await systemClock.sleep(SETTLE_STEP_MS)
    }
    this.#faults.push(`not at rest after ${SETTLE_MS_MAX / 1000} s`)
  }

  /** Each value once and in order. */
  async #judge(topic: string, partition: number): Promise<void> {
    const tp = { topic, partition }
    const places = new Map<string, number>()
    let [next, doubled, isOrdered, last] = [0, 0, true, -1]
    for (const end = await this.#log.endOffset(tp); next < end;) {
      const records = await readBelow(this.#log, tp, { from: next, bytesMax: READ_BYTES })
      for (const { value, offset } of records) {
        const text = String(value)
        const before = places.get(text)
        if (before !== undefined && (doubled += 1) <= SHOWN_MAX)
          this.#faults.push(`${topic}/${partition}: ${text} at ${before} and ${offset}`)
        const number = Number(text.split('-')[1])
        isOrdered &&= number > last
        last = number
        places.set(text, offset)
        next = offset + 1
      }
    }
    const missing = this.#sent[partition]! - places.size
    if (doubled > 0) this.#faults.push(`${topic}/${partition}: ${doubled} are doubled`)
    else if (!isOrdered) this.#faults.push(`${topic}/${partition}: out of order`)
    if (missing !== 0) this.#faults.push(`${topic}/${partition}: ${missing} are missing`)
  }
}

function recordOf(text: string): ProducedRecord {
  return { key: null, value: Buffer.from(text), timestampMs: systemClock.nowMs() }
}
