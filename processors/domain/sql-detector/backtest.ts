import type { DetectorBacktest, DetectorFiring, DetectorSpec } from '#/schemas/detector-view.ts'
import { emptyState, isUpward, learn, step, windowFrom } from './evaluate.ts'
import type { GroupValue, Outcome, Window } from './evaluate.ts'
import { sentenceOf } from './finding.ts'
import { DETECTOR_LIMITS, specId } from './spec.ts'

/** An incident as far as a firing is compared with it. */
export interface KnownIncident {
  id: string
  openedAt: number
  resolvedAt: number | null
  services: readonly string[]
}

export interface BacktestWish {
  name: string
  spec: DetectorSpec
  fromMs: number
  toMs: number
  atMs: number
  actor: string
}

/** Takes the rows of each window in turn, and tells at the end what the detector would have done. */
export interface Backtest {
  /** Oldest first; those before `fromMs` say what is usual. */
  windows: readonly Window[]
  take(window: Window, rows: readonly GroupValue[]): void
  skip(problem: string): void
  finish(known: readonly KnownIncident[], events: number): DetectorBacktest
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** An event counts in the window it happened in when it comes in by this much after its end. */
export const GRACE_MS = 30_000
/** What it takes from then until an alert or a warning is there, about. */
export const SETTLE_MS = 20_000
/** A warning is followed by an incident when one opens within this time. */
export const WARNED_WITHIN_MIN = 30

/** Less than a day says nothing about firings a day: such a back-test is shown, and opens no gate. */
export const GATE_MS = DAY_MS

/** Whole windows of the range, and before them as many as say what is usual. */
export function windowsOf(spec: DetectorSpec, fromMs: number, toMs: number): Window[] {
  const lengthMs = spec.window_min * MINUTE_MS
  const first = Math.ceil(fromMs / lengthMs) * lengthMs - learningMs(spec)
  const windows: Window[] = []
  for (let at = first; at + lengthMs <= toMs; at += lengthMs)
    windows.push(windowFrom(at, spec.window_min))
  return windows
}

export function learningMs({ usual, window_min: minutes }: DetectorSpec): number {
  return (usual?.windows ?? 0) * minutes * MINUTE_MS
}

export function createBacktest(wish: BacktestWish): Backtest {
  const { spec, fromMs, toMs } = wish
  const windows = windowsOf(spec, fromMs, toMs)
  const state = emptyState()
  const firings: DetectorFiring[] = []
  const open = new Map<string, DetectorFiring>()
  const series: { at: number; value: number }[] = []
  let [failed, problem] = [0, '']
  return {
    windows,
    take(window, rows) {
      if (window.fromMs < fromMs) return learn(state, spec, rows)
      series.push({ at: window.toMs, value: farthest(spec, rows) })
      for (const outcome of step(state, spec, { window, rows })) {
        const key = JSON.stringify([outcome.group, outcome.open.startedAtMs])
        if (outcome.kind === 'fired') {
          const firing = firingOf(wish, outcome, window)
          firings.push(firing)
          open.set(key, firing)
          continue
        }
        const firing = open.get(key)
        if (firing === undefined) continue
        firing.peak = outcome.open.peak
        if (outcome.kind === 'ended') firing.ended_at = window.toMs
      }
    },
    skip(why) {
      failed += 1
      problem = why
    },
    finish(known, events) {
      const days = Math.max(toMs - fromMs, spec.window_min * MINUTE_MS) / DAY_MS
      const met = new Set<string>()
      for (const firing of firings) {
        const found = overlapping(firing, known)
        for (const { id } of found) met.add(id)
        firing.incident = found[0]?.id ?? null
      }
      return {
        id: specId(spec),
        spec,
        at: wish.atMs,
        actor: wish.actor,
        from: fromMs,
        to: toMs,
        windows: windows.filter((window) => window.fromMs >= fromMs).length,
        windows_failed: failed,
        problem,
        events,
        firings: firings.slice(-DETECTOR_LIMITS.firingsKept),
        firings_total: firings.length,
        per_day: roughly(firings.length / days),
        incidents: known.length,
        incidents_met: met.size,
        firings_met: firings.filter(({ incident }) => incident !== null).length,
        warned: warnedOf(firings, known),
        series: thinned(series, isUpward(spec.sign)),
      }
    },
  }
}

function firingOf({ name, spec }: BacktestWish, outcome: Outcome, window: Window): DetectorFiring {
  const { group, open, value, usual } = outcome
  return {
    at: window.toMs,
    started_at: open.startedAtMs,
    ended_at: null,
    ...group,
    value,
    usual,
    peak: open.peak,
    sentence: sentenceOf({ name, spec }, outcome, window),
    incident: null,
  }
}

/** Those alive while it fired: of its service first; of other services only when none of its own is. */
function overlapping(firing: DetectorFiring, known: readonly KnownIncident[]): KnownIncident[] {
  const endMs = firing.ended_at ?? Number.POSITIVE_INFINITY
  const alive = known.filter(
    ({ openedAt, resolvedAt }) =>
      openedAt <= endMs && (resolvedAt ?? Number.POSITIVE_INFINITY) >= firing.started_at,
  )
  const own = alive.filter(({ services }) => services.includes(firing.service))
  return own.length > 0 || firing.service !== '' ? own : alive
}

/**
 * Only an incident that opens after it would have been known counts, and only where none of its service was open by
 * then: what comes later warns nobody.
 */
function warnedOf(
  firings: readonly DetectorFiring[],
  known: readonly KnownIncident[],
): DetectorBacktest['warned'] {
  const leads: number[] = []
  let during = 0
  for (const { at, service } of firings) {
    const knownMs = at + GRACE_MS + SETTLE_MS
    const own = known.filter(({ services }) => service === '' || services.includes(service))
    if (own.some((one) => one.openedAt < knownMs && (one.resolvedAt ?? Infinity) > knownMs)) {
      during += 1
      continue
    }
    const next = own
      .map(({ openedAt }) => openedAt - knownMs)
      .filter((lead) => lead >= 0 && lead <= WARNED_WITHIN_MIN * MINUTE_MS)
    if (next.length > 0) leads.push(Math.min(...next) / MINUTE_MS)
  }
  leads.sort((left, right) => left - right)
  const middle = leads[Math.floor(leads.length / 2)]
  return {
    within_min: WARNED_WITHIN_MIN,
    hits: leads.length,
    during,
    precision: firings.length === 0 ? null : rounded(leads.length / firings.length),
    lead_min: middle === undefined ? null : Math.round(middle * 10) / 10,
  }
}

function farthest({ sign }: DetectorSpec, rows: readonly GroupValue[]): number {
  const values = rows.map(({ value }) => value)
  if (values.length === 0) return 0
  return isUpward(sign) ? Math.max(...values) : Math.min(...values)
}

/** Of each stretch of windows the value that stands out, so that no peak is lost in the chart. */
function thinned(
  series: readonly { at: number; value: number }[],
  isUp: boolean,
): { at: number; value: number }[] {
  const size = Math.ceil(series.length / DETECTOR_LIMITS.seriesPoints)
  const points: { at: number; value: number }[] = []
  for (let at = 0; at < series.length; at += size) {
    const stretch = series.slice(at, at + size)
    points.push(
      stretch.reduce((best, one) =>
        (isUp ? one.value > best.value : one.value < best.value) ? one : best,
      ),
    )
  }
  return points
}

/** More digits would say more than is known. */
function roughly(value: number): number {
  return value >= 10 ? Math.round(value) : rounded(Number(value.toPrecision(2)))
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
