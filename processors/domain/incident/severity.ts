import type { Severity, SeverityTerm } from '#/schemas/incident.ts'

/** Everything a severity is made of, as counted over the last 15 minutes unless said otherwise. */
export interface SeverityInputs {
  /** Distinct users touched. */
  users: number
  /** Distinct users active in the project. */
  activeUsers: number
  /** Highest criticality of an affected service, 0 to 4. */
  criticality: number
  /** Events seen, and events expected at most. */
  observed: number
  expected: number
  /** How many times faster than allowed the error budget burns; null when no requests are counted. */
  budgetBurn: number | null
  services: number
  newInRelease: boolean
  regressed: boolean
  /** Signups or feedback left their usual course. */
  businessAnomaly: boolean
}

/**
 * In the order they are shown; the weights sum to 5.9. Impact is people times how much the service matters, so users
 * weigh most; spread and novelty, which say where it came from rather than whom it hurts, weigh little (ADR 23).
 */
const WEIGHTS = {
  users: 2.7,
  criticality: 0.7,
  burst: 1,
  error_budget: 0.8,
  spread: 0.1,
  novelty: 0.1,
  business: 0.5,
} as const
const WEIGHT_SUM = 5.9
/** z from which an incident is at least SEV1, SEV2, SEV3, SEV4. */
const LEVEL_MINIMA = [4.2, 3, 1.8, 1] as const

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

function budgetValue(burn: number | null): number {
  if (burn === null) return 0
  if (burn >= 14.4) return 1
  if (burn >= 6) return 0.6
  return burn >= 1 ? 0.2 : 0
}

function round(value: number): string {
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
}

function plural(count: number, noun: string): string {
  return `${round(count)} ${noun}${count === 1 ? '' : 's'}`
}

function noveltyReason(inputs: SeverityInputs): string {
  if (inputs.regressed) return 'came back after it was resolved'
  return inputs.newInRelease ? 'first seen in the newest release' : 'not new in a release'
}

function termsOf(inputs: SeverityInputs): SeverityTerm[] {
  const { users, activeUsers, observed, expected, services, budgetBurn } = inputs
  const term = (name: keyof typeof WEIGHTS, value: number, reason: string): SeverityTerm => ({
    name,
    weight: WEIGHTS[name],
    value: clamp(Number.isFinite(value) ? value : 0, 0, 1),
    reason,
  })
  const burst = clamp(Math.log2(observed / expected), 0, 6) / 6
  return [
    term(
      'users',
      Math.log10(1 + users) / Math.log10(1 + Math.max(1, activeUsers)),
      `${plural(users, 'user')} of about ${round(activeUsers)} active in 15 min`,
    ),
    term('criticality', inputs.criticality / 4, `criticality ${inputs.criticality} of 4`),
    term(
      'burst',
      burst,
      `${plural(observed, 'event')} in 15 min, at most ${round(expected)} expected`,
    ),
    term(
      'error_budget',
      budgetValue(budgetBurn),
      budgetBurn === null
        ? 'no requests counted'
        : `error budget burns ${round(budgetBurn)} times too fast`,
    ),
    term('spread', Math.log2(1 + services) / 4, `${plural(services, 'service')} affected`),
    term('novelty', inputs.newInRelease || inputs.regressed ? 1 : 0, noveltyReason(inputs)),
    term(
      'business',
      inputs.businessAnomaly ? 1 : 0,
      inputs.businessAnomaly ? 'signups or feedback are unusual' : 'signups and feedback as usual',
    ),
  ]
}

/** SEV number of a sum of terms. */
export function severityLevel(z: number): number {
  const index = LEVEL_MINIMA.findIndex((minimum) => z >= minimum)
  return index === -1 ? 5 : index + 1
}

/** The severity of this moment alone: `z` is the sum of `weight * value` over the terms shown. */
export function scoreSeverity(inputs: SeverityInputs): Severity {
  const terms = termsOf(inputs)
  const z = terms.reduce((sum, term) => sum + term.weight * term.value, 0)
  return { level: severityLevel(z), score: Math.round((100 * z) / WEIGHT_SUM), z, terms }
}

/** A shown severity and how long the computed one has been below it. */
export interface HeldSeverity {
  shown: Severity
  /** Event time since which the computed level is lower than the shown one; null when it is not. */
  lowerSinceMs: number | null
  /** The worst level computed since then: what it falls to. */
  worstSince: number
  /** Times it fell already; absent while it has not. */
  falls?: number
}

/** Nothing is below it: 5 is the mildest level. */
const MILDEST = 5

/**
 * Up at once, down only after `downMs` below and then to the worst of that time; each fall makes the wait for the next
 * one four times as long, so that what comes and goes is not told time and again. A person's lock keeps its level.
 * Score, terms and z always are those of the moment, so that the score stays the sum of what is shown.
 */
export function holdSeverity(
  held: HeldSeverity,
  computed: Severity,
  at: { nowMs: number; downMs: number },
): HeldSeverity {
  const { shown, falls = 0 } = held
  const kept = falls === 0 ? {} : { falls }
  if (shown.locked === true)
    return { ...settled({ ...computed, level: shown.level, locked: true }), ...kept }
  if (computed.level <= shown.level) return { ...settled(computed), ...kept }
  const lowerSinceMs = held.lowerSinceMs ?? at.nowMs
  const worstSince = Math.min(held.worstSince, computed.level)
  if (at.nowMs - lowerSinceMs >= at.downMs * 4 ** falls)
    return { ...settled({ ...computed, level: worstSince }), falls: falls + 1 }
  return { shown: { ...computed, level: shown.level }, lowerSinceMs, worstSince, ...kept }
}

/** A severity shown as it is, with no lower one waiting. */
export function settled(shown: Severity): HeldSeverity {
  return { shown, lowerSinceMs: null, worstSince: MILDEST }
}
