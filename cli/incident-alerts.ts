import type { IncidentMember } from '#/schemas/incident.ts'

/** What is known of an incident that tells which detections made it. */
export interface AlertedIncident {
  openedAt: number
  lastActivityAt: number
  members: readonly Pick<IncidentMember, 'fingerprint' | 'service' | 'environment'>[]
}

/** Kinds that make an incident; others tell when an episode ends, of deploys, of activity. */
export const IS_ALERT = "kind IN ('novel', 'spike', 'drop', 'silence', 'latency', 'sql')"

/** An alert may be older than the incident it opens by this much. */
const BEFORE_MS = 60_000

/**
 * Condition and parameters of the rows of `detections` an incident is made of: those of its issues, and alerts about
 * a service as a whole (rates, latency, silence) of the services that are members as a whole.
 */
export function alertsOf(incident: AlertedIncident): {
  where: string
  params: Readonly<Record<string, unknown>>
} {
  const { members, openedAt, lastActivityAt } = incident
  const fingerprints = members.map(({ fingerprint }) => fingerprint).filter((one) => one !== '')
  const wholes = members.filter(({ fingerprint }) => fingerprint === '').map(wholeOf)
  return {
    where: `project = {project:String} AND at >= fromUnixTimestamp64Milli({from:Int64}) AND at <= fromUnixTimestamp64Milli({to:Int64})
      AND (fingerprint IN {fingerprints:Array(String)}
        OR (fingerprint = '' AND ${IS_ALERT} AND concat(service, '/', environment) IN {wholes:Array(String)}))`,
    params: { fingerprints, wholes, from: openedAt - BEFORE_MS, to: lastActivityAt },
  }
}

function wholeOf({ service, environment }: Pick<IncidentMember, 'service' | 'environment'>) {
  return `${service}/${environment}`
}
