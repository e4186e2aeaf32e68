import { FaultlineError } from '#/kernel/errors.ts'
import type { IncidentLabel, SweepPoint, SweepResult } from '#/schemas/sweep-view.ts'
import { compareIncidents } from './diff.ts'
import type { IncidentTrace } from './diff.ts'
import { DEFAULT_INCIDENT_POLICY } from './policy.ts'
import type { IncidentPolicy } from './policy.ts'

/** An incident somebody labelled, as it was recorded. */
export interface LabelledIncident {
  id: string
  label: IncidentLabel
  openedAt: number
  services: readonly string[]
}

type Numbers = Readonly<Record<string, number>>

/** Settings a sweep goes through: what a value means for the policy, and the values that are tried without a wish. */
export const SWEEP_SETTINGS: Readonly<
  Record<string, { values: readonly number[]; policyOf: (value: number) => Numbers }>
> = {
  /** Times the evidence that opens an incident: less is more sensitive. */
  evidence: {
    values: [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4],
    policyOf: (value) => ({
      openNatsNovel: DEFAULT_INCIDENT_POLICY.openNatsNovel * value,
      openNatsSpike: DEFAULT_INCIDENT_POLICY.openNatsSpike * value,
    }),
  },
  openNatsSpike: {
    values: [4, 8, 12, 16, 24, 32, 48, 64],
    policyOf: (openNatsSpike) => ({ openNatsSpike }),
  },
  openNatsNovel: {
    values: [2, 4, 6, 8, 12, 16, 24, 32],
    policyOf: (openNatsNovel) => ({ openNatsNovel }),
  },
  joinAffinity: {
    values: [0.2, 0.3, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8],
    policyOf: (joinAffinity) => ({ joinAffinity }),
  },
}

export const SWEEP_VALUES_MAX = 8

export interface SweepPlan {
  setting: string
  values: readonly number[]
}

/** Values ascend and stand once each. Fails with `invalid_request`. */
export function sweepPlan(setting: unknown, values: unknown): SweepPlan {
  const known = typeof setting === 'string' ? SWEEP_SETTINGS[setting] : undefined
  const names = Object.keys(SWEEP_SETTINGS).join(', ')
  if (typeof setting !== 'string' || known === undefined || !Object.hasOwn(SWEEP_SETTINGS, setting))
    throw wrong('setting', `setting must be one of ${names}.`)
  const wanted = values ?? known.values
  const isList = Array.isArray(wanted) && wanted.length > 0 && wanted.length <= SWEEP_VALUES_MAX
  if (!isList || !wanted.every(isSweepValue))
    throw wrong('values', `values must be 1 to ${SWEEP_VALUES_MAX} numbers from 0.`)
  return {
    setting,
    values: [...new Set(wanted as readonly number[])].toSorted((left, right) => left - right),
  }
}

function isSweepValue(one: unknown): boolean {
  return typeof one === 'number' && one >= 0 && one <= 1e6
}

export function policyAt({ setting }: SweepPlan, value: number): Partial<IncidentPolicy> {
  return SWEEP_SETTINGS[setting]?.policyOf(value) ?? {}
}

export interface SweepRuns {
  plan: SweepPlan
  fromMs: number
  toMs: number
  /** SEV number from which somebody is paged: 3 is SEV1 to SEV3. */
  pageLevel: number
  /** The policy that holds, as far as it differs from the standard. */
  inForce: Partial<IncidentPolicy>
  base: readonly IncidentTrace[]
  /** In the order of the plan's values. */
  points: readonly (readonly IncidentTrace[])[]
  labelled: readonly LabelledIncident[]
}

const WEEK_MS = 7 * 86_400_000
const MISSED_MAX = 50
/** An incident that was recorded and one that is computed again open this close to each other. */
const OPENED_MS = 15 * 60_000

/** Pages a week against missed incidents, value by value. */
export function sweepResult(runs: SweepRuns): SweepResult {
  const { plan, labelled, base } = runs
  const found = labelled.map((one) => ({ ...one, trace: traceOf(one, base) }))
  const known = found.flatMap(({ trace, ...one }) => (trace === undefined ? [] : [{ one, trace }]))
  const count = (label: IncidentLabel): number =>
    labelled.filter((one) => one.label === label).length
  return {
    setting: plan.setting,
    page_level: runs.pageLevel,
    from: runs.fromMs,
    to: runs.toMs,
    points: plan.values.map((value, index) => pointOf(runs, { value, index, known })),
    labelled: { real: count('real'), noise: count('noise'), duplicate: count('duplicate') },
    not_reproduced: labelled.length - known.length,
  }
}

interface KnownLabel {
  one: LabelledIncident
  trace: IncidentTrace
}

function pointOf(
  runs: SweepRuns,
  { value, index, known }: { value: number; index: number; known: readonly KnownLabel[] },
): SweepPoint {
  const { plan, base, fromMs, toMs, pageLevel, inForce } = runs
  const traces = runs.points[index] ?? []
  const gone = new Set(
    compareIncidents(base, traces).differences.flatMap((difference) =>
      difference.kind === 'vanished' ? [difference.before.id] : [],
    ),
  )
  const left = known.filter(({ trace }) => !gone.has(trace.id))
  const found = (label: IncidentLabel): number =>
    left.filter(({ one }) => one.label === label).length
  const missed = known.filter(({ one, trace }) => one.label === 'real' && gone.has(trace.id))
  const pages = traces.filter(({ openedAt, level }) => openedAt >= fromMs && level <= pageLevel)
  const incidents = policyAt(plan, value) as Numbers
  const holds = { ...DEFAULT_INCIDENT_POLICY, ...inForce } as unknown as Numbers
  return {
    value,
    rules: { incidents },
    in_force: Object.entries(incidents).every(([name, one]) => holds[name] === one),
    incidents: traces.length,
    pages: pages.length,
    pages_per_week: Math.round((pages.length / ((toMs - fromMs) / WEEK_MS)) * 100) / 100,
    real_found: found('real'),
    real_missed: missed.length,
    noise_found: found('noise'),
    duplicates_found: found('duplicate'),
    missed: missed.map(({ one }) => one.id).slice(0, MISSED_MAX),
  }
}

/** The same id, where history was whole; else the one of its services that opened nearest to it. */
function traceOf(
  { id, openedAt, services }: LabelledIncident,
  base: readonly IncidentTrace[],
): IncidentTrace | undefined {
  const same = base.find((trace) => trace.id === id)
  if (same !== undefined) return same
  const apart = (trace: IncidentTrace): number => Math.abs(trace.openedAt - openedAt)
  return base
    .filter((trace) => apart(trace) <= OPENED_MS)
    .filter((trace) => trace.services.some((service) => services.includes(service)))
    .toSorted((left, right) => apart(left) - apart(right))
    .at(0)
}

function wrong(path: string, detail: string): FaultlineError {
  return new FaultlineError('invalid_request', detail, { path })
}
