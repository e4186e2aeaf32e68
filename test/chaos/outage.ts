import { systemClock } from '#/kernel/clock.ts'
import { messageOf } from '#/kernel/errors.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import { isAlive } from '#/test/e2e/processes.ts'
import { judge, SENT } from './judge.ts'
import type { Faults } from './judge.ts'
import { createLedger } from './ledger.ts'
import { startLanes } from './lanes.ts'
import { residentMb } from './outage-site.ts'
import type { OutageSite } from './outage-site.ts'

export interface OutageOptions {
  site: OutageSite
  awayMs: number
  seed: number
  /** Of each of the lanes, between two batches. */
  pauseMs: number
  onLine?: (text: string) => void
}

export interface OutageReport {
  awayS: number
  acknowledged: number
  /** Of these while the part was away. */
  acknowledgedAway: number
  resent: number
  /** What `/health/ready` said meanwhile, and when it said so first. */
  readySaid: string
  readyNoAfterMs: number | undefined
  readyAgainAfterMs: number | undefined
  /** From the return until the tables had everything that was acknowledged by then. */
  catchUpMs: number | undefined
  residentMb: { before: number; most: number; after: number }
  faults: Faults
}

const LANES = 3
const BATCH_EVENTS_MAX = 60
const WARM_UP_MS = 5_000
const CATCH_UP_MS_MAX = 300_000
const POLL_MS = 250
const PROBE_MS_MAX = 10_000
const RESIDENT_MB_MAX = 1_024

/** Sends all the time; takes a part away for a while; looks whether everything acknowledged is there exactly once. */
export async function runOutage(options: OutageOptions): Promise<OutageReport> {
  const { site, awayMs, onLine = () => undefined } = options
  const ledger = createLedger()
  const lanes = startLanes({
    lanes: LANES,
    batchEventsMax: BATCH_EVENTS_MAX,
    pauseMs: options.pauseMs,
    ledger,
    clock: systemClock,
    random: createSeededRandom(options.seed),
    target: () => site.target,
  })
  const faults: Faults = []
  const nowMs = (): number => systemClock.monotonicMs()
  try {
    await until(async () => (await rowsOf(site)) > 0, CATCH_UP_MS_MAX)
    await systemClock.sleep(WARM_UP_MS)
    const before = residentMb(site)
    let most = before
    onLine(`${ledger.total} events acknowledged, ${before} MB; away for ${awayMs / 1000} s`)
    const acknowledgedBefore = ledger.total
    await site.takeAway()
    const awayAtMs = nowMs()
    let readyNoAfterMs: number | undefined
    let readySaid = ''
    while (nowMs() - awayAtMs < awayMs) {
      const said = await whyNotReady(site.affected)
      if (said !== undefined && readyNoAfterMs === undefined) {
        readyNoAfterMs = nowMs() - awayAtMs
        readySaid = said
        onLine(`not ready after ${Math.round(readyNoAfterMs)} ms: ${said}`)
      }
      most = Math.max(most, residentMb(site))
      await systemClock.sleep(POLL_MS)
    }
    if (readyNoAfterMs === undefined) faults.push('/health/ready said yes all the time')
    const acknowledgedAway = ledger.total - acknowledgedBefore
    await site.bringBack()
    const backAtMs = nowMs()
    const wanted = ledger.total
    onLine(
      `back; ${wanted} acknowledged, ${acknowledgedAway} of them meanwhile, ${most} MB at most`,
    )
    const catchUpMs = await until(async () => (await rowsOf(site)) >= wanted, CATCH_UP_MS_MAX)
    if (catchUpMs === undefined)
      faults.push(`${wanted} rows were not there in ${CATCH_UP_MS_MAX} ms`)
    await until(async () => (await whyNotReady(site.affected)) === undefined, CATCH_UP_MS_MAX)
    const why = await whyNotReady(site.affected)
    if (why !== undefined) faults.push(`not ready again: ${why}`)
    const readyAgainAfterMs = why === undefined ? nowMs() - backAtMs : undefined
    most = Math.max(most, residentMb(site))
    await lanes.pause()
    await until(async () => (await rowsOf(site)) >= ledger.total, CATCH_UP_MS_MAX)
    // Incidents and detections follow the last events by a tick or two.
    await until(() => isAtRest(site), 60_000)
    faults.push(...(await judge(site.ask, ledger)))
    for (const { pid } of site.processes) if (!isAlive(pid)) faults.push(`process ${pid} has ended`)
    if (most > RESIDENT_MB_MAX) faults.push(`${most} MB are more than ${RESIDENT_MB_MAX}`)
    return {
      awayS: awayMs / 1000,
      acknowledged: ledger.total,
      acknowledgedAway,
      resent: lanes.resent,
      readySaid,
      readyNoAfterMs: rounded(readyNoAfterMs),
      readyAgainAfterMs: rounded(readyAgainAfterMs),
      catchUpMs: rounded(catchUpMs),
      residentMb: { before, most, after: residentMb(site) },
      faults,
    }
  } finally {
    await lanes.stop()
  }
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms)
}

async function rowsOf(site: OutageSite): Promise<number> {
  const [row] = await site.ask<{ n: string }>(`SELECT count() AS n FROM events WHERE ${SENT}`)
  return Number(row?.n ?? 0)
}

/** How long it took; undefined when it did not come true in time. Errors count as not yet. */
async function until(ask: () => Promise<boolean>, withinMs: number): Promise<number | undefined> {
  const startedMs = systemClock.monotonicMs()
  while (systemClock.monotonicMs() - startedMs < withinMs) {
    if (await ask().catch(() => false)) return systemClock.monotonicMs() - startedMs
    await systemClock.sleep(POLL_MS)
  }
  return undefined
}

interface Readiness {
  ready: boolean
  checks: { name: string; ok: boolean; detail: string }[]
}

/** A process that does not answer a probe is not ready either. */
async function readinessOf({ url }: RunningPlatform): Promise<Readiness> {
  try {
    const signal = AbortSignal.timeout(PROBE_MS_MAX)
    const answer = await fetch(new URL('/health/ready', url), { signal })
    return (await answer.json()) as Readiness
  } catch (error) {
    return { ready: false, checks: [{ name: 'probe', ok: false, detail: messageOf(error) }] }
  }
}

/** The checks that fail, of the processes the outage is about; undefined while all are ready. */
async function whyNotReady(affected: readonly RunningPlatform[]): Promise<string | undefined> {
  const all = await Promise.all(affected.map((platform) => readinessOf(platform)))
  const failing = all.flatMap(({ checks }) => checks.filter(({ ok }) => !ok))
  return failing.length === 0
    ? undefined
    : failing.map(({ name, detail }) => `${name}: ${detail}`).join('; ')
}

/** Whether no row came to the derived tables for a while. */
async function isAtRest(site: OutageSite): Promise<boolean> {
  const count = async (): Promise<string> => {
    const [row] = await site.ask<{ n: string }>(
      'SELECT (SELECT count() FROM detections) + (SELECT count() FROM incident_events) AS n',
    )
    return row?.n ?? ''
  }
  const first = await count()
  await systemClock.sleep(3_000)
  return (await count()) === first
}
