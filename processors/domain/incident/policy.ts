import { FaultlineError } from '#/kernel/errors.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** The numbers that decide when alerts make an incident and how long it lives. Times are event time in ms. */
export interface IncidentPolicy {
  /** `threshold` waits for evidence; `first_event` opens at the first event of a new fingerprint. */
  opening: 'threshold' | 'first_event'
  /** Affinity from which an alert joins an open incident. */
  joinAffinity: number
  /** Affinity to a second incident from which the two are one. */
  mergeAffinity: number
  /** The same when the second incident is one alert only, which may just have come too early. */
  mergeAffinitySingle: number
  /** Two incidents merge by themselves only when they opened at most this far apart. */
  mergeWindowMs: number
  /** A member that joined this recently may still move to an incident that fits better. */
  splitWindowMs: number
  /** How much better the other incident must fit. */
  splitMargin: number
  /** Evidence in nats a new fingerprint needs to open an incident on its own. */
  openNatsNovel: number
  /** Evidence in nats a spike, drop or silence needs to open an incident on its own. */
  openNatsSpike: number
  /** An incident without activity for this long is resolved. */
  quietMs: number
  /** A fingerprint that comes back within this time rejoins the incident it was in. */
  flappingRejoinMs: number
  /** A resolved incident reopens as regressed within this time; 0 never reopens. */
  reopenWindowMs: number
  /** A lower severity must hold for this long before it shows. */
  severityDownMs: number
  /** Criticality of a service no topology tells about, 1 to 4. */
  defaultCriticality: number
  /** Share of requests that may fail: 0.001 is an objective of 99.9 %. */
  errorBudgetShare: number
  /** Fewest active users a project is taken to have, so that a quiet one does not exaggerate. */
  activeUsersMin: number
}

export const DEFAULT_INCIDENT_POLICY: IncidentPolicy = {
  opening: 'threshold',
  joinAffinity: 0.45,
  mergeAffinity: 0.65,
  mergeAffinitySingle: 0.5,
  mergeWindowMs: 10 * MINUTE_MS,
  splitWindowMs: 25 * MINUTE_MS,
  splitMargin: 0.25,
  openNatsNovel: 8,
  openNatsSpike: 16,
  quietMs: 30 * MINUTE_MS,
  flappingRejoinMs: 110 * MINUTE_MS,
  reopenWindowMs: 24 * HOUR_MS,
  severityDownMs: 15 * MINUTE_MS,
  defaultCriticality: 2,
  errorBudgetShare: 0.001,
  activeUsersMin: 1000,
}

/** Most members, timeline entries and so on one incident carries; the oldest of the middle go first. */
export const LIMITS = {
  /** Past this an incident counts alerts but lists no more members. */
  members: 200,
  /** Members a cause is looked for among: the first ones, which are what it began with. */
  causeMembers: 60,
  /** First and last entries are kept, the middle is cut. */
  timelineHead: 40,
  timelineTail: 160,
  /** Past this the incident that was quiet longest is resolved to make room. */
  openIncidents: 5000,
  /** Resolved incidents kept for regressions and links; the oldest are forgotten. */
  resolvedIncidents: 5000,
  deploysPerService: 50,
  learnedEdges: 20_000,
  servicesPerIncident: 500,
  listed: 16,
  textMax: 300,
} as const

/** Fills in what is missing and refuses what is not a number of the policy or out of range. */
export function incidentPolicy(overrides: Partial<IncidentPolicy> = {}): IncidentPolicy {
  const policy: Record<string, unknown> = { ...DEFAULT_INCIDENT_POLICY }
  for (const [name, value] of Object.entries(overrides)) {
    const path = `incidents.${name}`
    const standard = policy[name]
    if (standard === undefined)
      throw new FaultlineError('config_invalid', `${path} is no setting`, { path })
    if (name === 'opening' && value !== 'threshold' && value !== 'first_event')
      throw new FaultlineError('config_invalid', `${path} is threshold or first_event`, { path })
    const isWrongNumber = typeof value !== 'number' || !Number.isFinite(value) || value < 0
    if (name !== 'opening' && isWrongNumber)
      throw new FaultlineError('config_invalid', `${path} is a number from 0`, { path })
    policy[name] = value
  }
  return policy as unknown as IncidentPolicy
}
