import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'
import type { StageView } from '#/schemas/view.ts'
import { startBroker } from '#/test/kafka/broker.ts'
import type { RunningBroker } from '#/test/kafka/broker.ts'
import { openRoleCluster } from '#/test/kafka/role-cluster.ts'
import type { RoleCluster, RoleName } from '#/test/kafka/role-cluster.ts'
import { waitFor } from '#/test/e2e/processes.ts'
import { autopsy } from './autopsy.ts'
import { judge, SENT } from './judge.ts'
import type { Faults } from './judge.ts'
import { createMember } from './kafka-member.ts'
import type { Member } from './kafka-member.ts'
import { startLanes } from './lanes.ts'
import type { Lanes } from './lanes.ts'
import { createLedger } from './ledger.ts'

/**
 * Roles on a real Kafka under load: three processors share the partitions, two sinks write, and at random moments one
 * of them, the broker or ClickHouse is killed, stopped, paused or restarted. Every few of these everything comes to
 * rest, and what was acknowledged has to be there exactly once, in base tables, rollups, state and order.
 */
export interface KafkaChaosOptions {
  actions: number
  seed: number
  /** Ends earlier when the time is up. */
  durationMsMax: number
  actionsPerLook: number
  intent: boolean
  onProgress?: (state: KafkaChaosProgress) => void
  signal?: AbortSignal
}

export interface KafkaChaosProgress {
  actions: number
  acknowledged: number
  looks: number
}

export interface KafkaChaosReport extends KafkaChaosProgress {
  /** How often each kind of thing was done, by `what role`. */
  done: Readonly<Record<string, number>>
  resent: number
  incidents: number
  /** From the last of the actions to everything in its place, ms, the longest. */
  settleMsMost: number
  /** Lines of level error, by message. */
  complaints: Readonly<Record<string, number>>
  faults: Faults
}

const MEMBERS: readonly RoleName[] = [
  'ingest',
  'processors',
  'processors',
  'processors',
  'sink',
  'sink',
  'api',
]
const PARTITIONS = 3
const LANES = 3
const BATCH_EVENTS_MAX = 80
const LANE_PAUSE_MS = 40
const PREFIX = 'chaos-'
/** Without a new row. */
const SETTLE_MS_MAX = 120_000
const GAP_MS_MAX = 2500
/** A broker or an engine that is away holds up starts: one such thing at a time. */
const FREEZE_MS = { short: 2500, long: 25_000 }

type Action = 'kill' | 'stop' | 'freeze' | 'freeze long' | 'broker' | 'engine'
/** Each as often as it stands here. */
const ACTIONS: readonly Action[] = [
  ...Array<Action>(11).fill('kill'),
  ...Array<Action>(3).fill('stop'),
  ...Array<Action>(3).fill('freeze'),
  'freeze long',
  'broker',
  'engine',
]

export async function runKafkaChaos(options: KafkaChaosOptions): Promise<KafkaChaosReport> {
  const broker = await startBroker()
  try {
    const cluster = await openRoleCluster({
      brokers: broker.brokers,
      prefix: PREFIX,
      partitions: PARTITIONS,
    })
    const run = new KafkaChaos({ options, broker, cluster })
    try {
      return await run.toTheEnd()
    } finally {
      await run.cleanUp()
      await cluster[Symbol.asyncDispose]()
    }
  } finally {
    await broker.stop()
  }
}

class KafkaChaos {
  readonly #options: KafkaChaosOptions
  readonly #broker: RunningBroker
  readonly #cluster: RoleCluster
  readonly #random: Random
  readonly #ledger = createLedger()
  readonly #lanes: Lanes
  readonly #members: readonly Member[]
  readonly #done: Record<string, number> = {}
  readonly #complaints: Record<string, number> = {}
  readonly #faults: Faults = []
  readonly #underWay = new Set<Promise<void>>()
  #key = ''
  #actions = 0
  #looks = 0
  #incidents = 0
  #settleMsMost = 0
  #isServiceBusy = false

  constructor(given: { options: KafkaChaosOptions; broker: RunningBroker; cluster: RoleCluster }) {
    const { options, broker, cluster } = given
    this.#options = options
    this.#broker = broker
    this.#cluster = cluster
    this.#random = createSeededRandom(options.seed)
    this.#members = MEMBERS.map((role) =>
      createMember({
        cluster,
        role,
        random: this.#random,
        intent: options.intent,
        onEnd: (stderr) => this.#hear(stderr),
        onFault: (text) => this.#faults.push(text),
      }),
    )
    this.#lanes = startLanes({
      lanes: LANES,
      batchEventsMax: BATCH_EVENTS_MAX,
      pauseMs: LANE_PAUSE_MS,
      ledger: this.#ledger,
      clock: systemClock,
      random: createSeededRandom(options.seed + 1),
      target: () => {
        const url = this.#one('ingest')?.platform?.url
        return url === undefined || this.#key === '' ? undefined : { url, key: this.#key }
      },
    })
  }

  async toTheEnd(): Promise<KafkaChaosReport> {
    const endMs = systemClock.monotonicMs() + this.#options.durationMsMax
    await Promise.all(this.#members.map((member) => member.start()))
    this.#key = this.#one('api')?.platform?.key ?? ''
    let lookAt = this.#options.actionsPerLook
    while (!this.#isDone(endMs)) {
      await systemClock.sleep(this.#random.int(GAP_MS_MAX))
      this.#act(this.#random.pick(ACTIONS))
      if (this.#actions >= lookAt || this.#actions >= this.#options.actions) {
        await this.#look()
        lookAt = this.#actions + this.#options.actionsPerLook
      }
      const { actions, looks } = this.#counts()
      this.#options.onProgress?.({ actions, looks, acknowledged: this.#ledger.total })
    }
    if (this.#faults.length === 0) await this.#look()
    await this.#lanes.stop()
    return this.#report()
  }

  async cleanUp(): Promise<void> {
    await this.#lanes.stop()
    await Promise.all(this.#members.map((member) => member.dispose()))
    await Promise.allSettled(this.#underWay)
  }

  #one(role: RoleName): Member | undefined {
    return this.#members.find((member) => member.role === role)
  }

  #counts(): { actions: number; looks: number } {
    return { actions: this.#actions, looks: this.#looks }
  }

  #isDone(endMs: number): boolean {
    const isEnough = this.#actions >= this.#options.actions && this.#looks > 0
    const isLate = systemClock.monotonicMs() > endMs || this.#options.signal?.aborted === true
    return isEnough || isLate || this.#faults.length > 0
  }

  /** Begins what was drawn and does not wait for it; nothing when nobody is there to do it to. */
  #act(action: Action): void {
    if (action === 'broker' || action === 'engine') {
      if (this.#isServiceBusy) return
      this.#isServiceBusy = true
      const how = action === 'broker' ? this.#random.pick(['restart', 'kill', 'pause']) : 'kill'
      this.#begin(`${how} ${action}`, async () => {
        await (action === 'broker' ? this.#disturbBroker(how) : this.#killEngine())
        this.#isServiceBusy = false
      })
      return
    }
    const idle = this.#members.filter((member) => member.isIdle())
    // At least one of each role serves most of the time, or nothing would be under load.
    if (idle.length < MEMBERS.length - 2) return
    const member = this.#random.pick(idle)
    this.#begin(`${action} ${member.role}`, () => {
      if (action === 'kill' || action === 'stop') return member.replace(action)
      const longest = action === 'freeze' ? FREEZE_MS.short : FREEZE_MS.long
      return member.freeze(this.#random.int(longest))
    })
  }

  #begin(name: string, work: () => Promise<void>): void {
    this.#actions += 1
    this.#done[name] = (this.#done[name] ?? 0) + 1
    const running = work().catch((error: unknown) => {
      this.#faults.push(`${name}: ${String(error).slice(0, 800)}`)
    })
    this.#underWay.add(running)
    void running.then(() => this.#underWay.delete(running))
  }

  async #disturbBroker(how: string): Promise<void> {
    if (how === 'pause') {
      this.#broker.pause()
      await systemClock.sleep(this.#random.int(FREEZE_MS.long))
      this.#broker.resume()
      return
    }
    if (how === 'kill') await this.#broker.kill()
    await this.#broker.restart()
  }

  async #killEngine(): Promise<void> {
    this.#cluster.killEngine()
    await waitFor(() => this.#cluster.rows('SELECT 1'), {
      what: 'ClickHouse to be back',
      withinMs: SETTLE_MS_MAX,
      everyMs: 100,
    })
  }

  #hear(stderr: string): void {
    for (const line of stderr.split('\n')) {
      if (line.includes('this is a bug')) this.#faults.push(stderr.slice(-1500))
      if (!line.startsWith('{') || !line.includes('"level":"error"')) continue
      const { message, error } = JSON.parse(line) as { message: string; error?: { code?: string } }
      const name = `${message} ${error?.code ?? ''}`.trim()
      this.#complaints[name] = (this.#complaints[name] ?? 0) + 1
    }
  }

  /** Everybody serves again, nothing is under way; then compares. */
  async #look(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    if (this.#faults.length > 0) return
    const startedMs = systemClock.monotonicMs()
    await this.#lanes.pause()
    const isSettled = await this.#settle()
    this.#settleMsMost = Math.max(this.#settleMsMost, systemClock.monotonicMs() - startedMs)
    this.#looks += 1
    if (!isSettled) return
    const ask = <Row>(sql: string): Promise<Row[]> => this.#cluster.rows<Row>(sql)
    this.#faults.push(...(await judge(ask, this.#ledger)))
    const [row] = await ask<{ n: string }>('SELECT count() AS n FROM incidents FINAL')
    this.#incidents = Number(row?.n ?? 0)
    this.#lanes.resume()
  }

  /** All rows are there and no processor is behind, twice in a row: what one stage writes is work for the next. */
  async #settle(): Promise<boolean> {
    let [endMs, rows, quiet] = [systemClock.monotonicMs() + SETTLE_MS_MAX, -1, 0]
    let seen: unknown
    while (systemClock.monotonicMs() < endMs) {
      try {
        const api = this.#one('api')?.platform
        const { stages } = await api!.get<{ stages: StageView[] }>('/health/detailed')
        const [row] = await this.#cluster.rows<{ n: string }>(
          `SELECT count() AS n FROM events WHERE ${SENT}`,
        )
        const count = Number(row?.n)
        const behind = stages.filter(({ lag }) => lag > 0)
        quiet = behind.length === 0 && count >= this.#ledger.total ? quiet + 1 : 0
        if (quiet >= 2) return true
        if (count > rows) endMs = systemClock.monotonicMs() + SETTLE_MS_MAX
        rows = count
        seen = { rows, acknowledged: this.#ledger.total, behind }
      } catch (error) {
        seen = String(error)
        quiet = 0
      }
      await systemClock.sleep(250)
    }
    const ends = this.#members.map(
      (member) => `${member.role}: ${member.platform?.stderr().slice(-600)}`,
    )
    const found = await autopsy({
      brokers: this.#broker.brokers,
      prefix: PREFIX,
      ask: (sql) => this.#cluster.rows(sql),
      ledger: this.#ledger,
    })
    this.#faults.push(
      `nothing settled in ${SETTLE_MS_MAX / 1000} s: ${JSON.stringify(seen)}\n${found}\n${ends.join('\n')}`,
    )
    return false
  }

  #report(): KafkaChaosReport {
    for (const { platform } of this.#members) this.#hear(platform?.stderr() ?? '')
    return {
      ...this.#counts(),
      acknowledged: this.#ledger.total,
      done: this.#done,
      resent: this.#lanes.resent,
      incidents: this.#incidents,
      settleMsMost: Math.round(this.#settleMsMost),
      complaints: this.#complaints,
      faults: this.#faults,
    }
  }
}
