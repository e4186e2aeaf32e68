import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'
import { queryRows, startPlatform, temporaryFolder } from '#/test/e2e/platform.ts'
import type { StageView } from '#/schemas/view.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import { isAlive } from '#/test/e2e/processes.ts'
import { judge, SENT } from './judge.ts'
import type { Ask, Faults } from './judge.ts'
import { createLedger } from './ledger.ts'
import type { Ledger } from './ledger.ts'
import { startLanes } from './lanes.ts'
import type { Lanes, Target } from './lanes.ts'

/**
 * Kills the running platform, or only its ClickHouse, at random moments under load, and looks every few kills whether
 * everything that was acknowledged is there exactly once, in the base table, in the rollups and in order.
 */
export interface PlatformChaosOptions {
  kills: number
  seed: number
  /** Ends earlier when the time is up. */
  durationMsMax: number
  /** Kills between two looks at the tables. */
  killsPerLook: number
  /** False is the negative control: sinks that announce nothing. */
  intent: boolean
  onProgress?: (state: PlatformChaosProgress) => void
  signal?: AbortSignal
}

export interface PlatformChaosProgress {
  kills: number
  acknowledged: number
  looks: number
}

export interface PlatformChaosReport extends PlatformChaosProgress {
  platformKills: number
  engineKills: number
  /** Kills of a platform that had not finished starting. */
  startKills: number
  orderlyStops: number
  /** Batches that were sent again because no answer came. */
  resent: number
  startMsMedian: number
  incidents: number
  /** Lines of level error the platform wrote, by message. */
  complaints: Readonly<Record<string, number>>
  faults: Faults
}

const LANES = 4
const BATCH_EVENTS_MAX = 150
const LIFE_MS_MAX = 900
/** Without a new row. */
const SETTLE_MS_MAX = 30_000
const ENTRY = join(import.meta.dirname, 'entry.ts')

export async function runPlatformChaos(
  options: PlatformChaosOptions,
): Promise<PlatformChaosReport> {
  const run = new ChaosRun(options)
  try {
    return await run.toTheEnd()
  } finally {
    await run.cleanUp()
  }
}

class ChaosRun {
  readonly #options: PlatformChaosOptions
  readonly #random: Random
  readonly #dataDir = temporaryFolder('chaos')
  readonly #ledger: Ledger = createLedger()
  readonly #lanes: Lanes
  readonly #counts = { platformKills: 0, engineKills: 0, startKills: 0, orderlyStops: 0, looks: 0 }
  readonly #complaints: Record<string, number> = {}
  readonly #startsMs: number[] = []
  #platform: RunningPlatform | undefined
  #target: Target | undefined
  #faults: Faults = []
  #incidents = 0

  constructor(options: PlatformChaosOptions) {
    this.#options = options
    this.#random = createSeededRandom(options.seed)
    this.#lanes = startLanes({
      lanes: LANES,
      batchEventsMax: BATCH_EVENTS_MAX,
      ledger: this.#ledger,
      clock: systemClock,
      random: createSeededRandom(options.seed + 1),
      target: () => this.#target,
    })
  }

  async toTheEnd(): Promise<PlatformChaosReport> {
    const endMs = systemClock.monotonicMs() + this.#options.durationMsMax
    let lookAt = this.#options.killsPerLook
    while (!this.#isDone(endMs)) {
      const platform = await this.#start()
      if (platform === undefined) continue
      if (this.#kills() >= lookAt || this.#kills() >= this.#options.kills) {
        await this.#look(platform)
        lookAt = this.#kills() + this.#options.killsPerLook
      }
      if (!this.#isDone(endMs)) await this.#live(platform)
      this.#options.onProgress?.(this.#progress())
    }
    if (this.#faults.length === 0) await this.#look(this.#platform ?? (await this.#startForSure()))
    await this.#lanes.stop()
    return this.#report()
  }

  async cleanUp(): Promise<void> {
    await Promise.all([this.#lanes.stop(), this.#platform?.[Symbol.asyncDispose]()])
    rmSync(this.#dataDir, { recursive: true, force: true })
  }

  #kills(): number {
    const { platformKills, engineKills, startKills } = this.#counts
    return platformKills + engineKills + startKills
  }

  #isDone(endMs: number): boolean {
    const isEnough = this.#kills() >= this.#options.kills && this.#counts.looks > 0
    const isLate = systemClock.monotonicMs() > endMs || this.#options.signal?.aborted === true
    return isEnough || isLate || this.#faults.length > 0
  }

  #progress(): PlatformChaosProgress {
    const { looks } = this.#counts
    return { kills: this.#kills(), acknowledged: this.#ledger.total, looks }
  }

  /** Undefined when it was killed before it served. */
  async #start(): Promise<RunningPlatform | undefined> {
    if (this.#random.int(8) !== 0) return this.#startForSure()
    const diesAfterMs = this.#random.int(1000)
    const starting = startPlatform({
      ...this.#wish(),
      onSpawn: (pid) => {
        void systemClock.sleep(diesAfterMs).then(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
      },
    })
    const survivor = await starting.catch((error: unknown) => {
      if (String(error).includes('ended with null')) return undefined
      throw error
    })
    await survivor?.finished
    this.#counts.startKills += 1
    return undefined
  }

  async #startForSure(): Promise<RunningPlatform> {
    const platform = await startPlatform(this.#wish())
    this.#startsMs.push(platform.startMs)
    this.#platform = platform
    this.#target = platform
    return platform
  }

  /** Other batch sizes at each start: what is inserted again must not depend on them. */
  #wish(): { dataDir: string; script: string; args: string[] } {
    const sink = {
      rowsMax: this.#random.pick([150, 600, 3000, 20_000]),
      delayMs: this.#random.pick([0, 10, 100, 250]),
      intent: this.#options.intent,
    }
    const args = ['--sink', JSON.stringify(sink)]
    return { dataDir: this.#dataDir, script: ENTRY, args }
  }

  async #live(platform: RunningPlatform): Promise<void> {
    for (let deaths = this.#random.int(3); deaths > 0; deaths -= 1) {
      await systemClock.sleep(this.#random.int(300))
      const [engine] = platform.children()
      if (engine === undefined) break
      process.kill(engine, 'SIGKILL')
      this.#counts.engineKills += 1
      // Its successor has to be there, else the next one would meet nobody.
      if (deaths > 1) await systemClock.sleep(300 + this.#random.int(500))
    }
    await systemClock.sleep(this.#random.int(LIFE_MS_MAX))
    this.#target = undefined
    this.#platform = undefined
    if (this.#random.int(20) === 0) {
      const { code, stderr } = await platform.stop('SIGINT')
      this.#counts.orderlyStops += 1
      if (code !== 0) this.#faults.push(`an orderly stop ended with ${code}: ${stderr.slice(-500)}`)
    } else {
      await platform.kill9()
      this.#counts.platformKills += 1
    }
    this.#hear(platform.stderr())
  }

  #hear(stderr: string): void {
    for (const line of stderr.split('\n')) {
      if (!line.includes('"level":"error"')) {
        if (line.includes('this is a bug')) this.#faults.push(stderr.slice(-800))
        continue
      }
      const { message, error } = JSON.parse(line) as { message: string; error?: { code?: string } }
      const name = `${message} ${error?.code ?? ''}`.trim()
      this.#complaints[name] = (this.#complaints[name] ?? 0) + 1
    }
  }

  /** Waits until nothing is under way and compares. */
  async #look(platform: RunningPlatform): Promise<void> {
    await this.#lanes.pause()
    const ask = internalAsk(platform)
    await this.#settle(platform, ask)
    this.#counts.looks += 1
    this.#faults.push(...(await judge(ask, this.#ledger)))
    const [row] = await ask<{ n: string }>('SELECT count() AS n FROM incidents FINAL')
    this.#incidents = Number(row?.n ?? 0)
    this.#lanes.resume()
  }

  /** All rows are there and no processor is behind; what is wrong after the patience is for the judge to say. */
  async #settle(platform: RunningPlatform, ask: Ask): Promise<void> {
    let [endMs, rows] = [systemClock.monotonicMs() + SETTLE_MS_MAX, -1]
    let seen: unknown
    while (systemClock.monotonicMs() < endMs) {
      try {
        const { stages } = await platform.get<{ stages: StageView[] }>('/health/detailed')
        const [row] = await ask<{ n: string }>(`SELECT count() AS n FROM events WHERE ${SENT}`)
        const behind = stages.filter(({ lag, status }) => lag > 0 || status !== 'running')
        if (behind.length === 0 && Number(row?.n) >= this.#ledger.total) return
        if (Number(row?.n) > rows) endMs = systemClock.monotonicMs() + SETTLE_MS_MAX
        rows = Number(row?.n)
        seen = { rows, acknowledged: this.#ledger.total, behind }
      } catch (error) {
        // ClickHouse is on its way up again.
        seen = String(error)
      }
      await systemClock.sleep(50)
    }
    this.#hear(platform.stderr())
    this.#faults.push(`nothing settled in ${SETTLE_MS_MAX / 1000} s: ${JSON.stringify(seen)}`)
  }

  #report(): PlatformChaosReport {
    const starts = this.#startsMs.toSorted((a, b) => a - b)
    return {
      ...this.#progress(),
      ...this.#counts,
      resent: this.#lanes.resent,
      startMsMedian: Math.round(starts[Math.floor(starts.length / 2)] ?? 0),
      incidents: this.#incidents,
      complaints: this.#complaints,
      faults: this.#faults,
    }
  }
}

/** As the platform's own user: the limits of readers are not for a judge. */
function internalAsk({ clickhouseUrl, dataDir }: RunningPlatform): Ask {
  const address = new URL(clickhouseUrl)
  address.username = 'faultline'
  address.password = readFileSync(join(dataDir, 'clickhouse-internal'), 'utf8').trim()
  return (sql) => queryRows(address.href, sql)
}
