import type { Cause } from '#/schemas/incident.ts'
import type { Alert } from './alert.ts'
import { rankRoots } from './root.ts'
import type { RootCandidate } from './root.ts'
import type { ServiceGraph } from './service-graph.ts'
import { findSuspects, suspectCauses } from './suspects.ts'
import type { DeployFact } from './suspects.ts'

export interface CauseFindings {
  /** Service, zone or external host; empty when nothing is known. */
  root: string
  /** deploy_id, or empty. */
  suspectDeploy: string
  causes: readonly Cause[]
}

const CAUSES_MAX = 8
const ROOTS_SHOWN = 3

/** Explains an incident by its own members only: what else happened meanwhile is not its cause. */
export function findCauses(
  alerts: readonly Alert[],
  context: { graph: ServiceGraph; deploys: readonly DeployFact[] },
): CauseFindings {
  if (alerts.length === 0) return { root: '', suspectDeploy: '', causes: [] }
  const roots = rankRoots(alerts, context.graph)
  const [root] = roots
  const suspects =
    root?.kind === 'service' ? findSuspects(alerts, root.subject, context.deploys) : []
  const causes = [
    ...suspectCauses(suspects),
    ...rootCauses(roots, alerts),
    ...firstSeen(alerts),
    ...sharedDimension(alerts),
  ]
  return {
    root: root?.subject ?? '',
    suspectDeploy: suspects[0]?.deploy.deployId ?? '',
    causes: causes.slice(0, CAUSES_MAX),
  }
}

function rootCauses(roots: readonly RootCandidate[], alerts: readonly Alert[]): Cause[] {
  return roots.slice(0, ROOTS_SHOWN).flatMap((candidate, place) => {
    const weight = Math.min(1, candidate.score / (alerts.length + 1))
    if (weight < 0.2 && place > 0) return []
    const what = { service: 'service', external: 'external host', zone: 'zone' }[candidate.kind]
    const first = alerts.filter((alert) => alert.service === candidate.subject)
    const own = first.length > 0 ? `, ${first.length} of them its own` : ', itself silent'
    const sentence = `${candidate.explained} of ${alerts.length} alerts point to ${what} ${candidate.subject}${candidate.kind === 'service' ? own : ''}.`
    return [{ kind: candidate.kind, subject: candidate.subject, weight, sentence }]
  })
}

function firstSeen(alerts: readonly Alert[]): Cause[] {
  const novel = alerts.filter((alert) => alert.kind === 'novel')
  const [first] = novel.toSorted(
    (left, right) => left.startedAtMs - right.startedAtMs || (left.key < right.key ? -1 : 1),
  )
  if (first === undefined) return []
  const sentence = `"${first.title.slice(0, 120)}" was never seen before in ${first.service}.`
  return [{ kind: 'first_seen', subject: first.fingerprint, weight: 0.4, sentence }]
}

/** One value that all alerts of several share and that is not true of everything: a host or a release. */
function sharedDimension(alerts: readonly Alert[]): Cause[] {
  const hosts = new Set(alerts.flatMap((alert) => alert.hosts))
  const [host] = hosts
  if (hosts.size !== 1 || host === undefined) return []
  if (!alerts.every((alert) => alert.hosts.length === 1)) return []
  const sentence = `Every error so far comes from host ${host}.`
  return [{ kind: 'dimension', subject: host, weight: 0.5, sentence }]
}
