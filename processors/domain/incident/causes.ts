import type { Cause } from '#/schemas/incident.ts'
import { COUNTED_EARLY_MS, latestStartMs } from './alert.ts'
import type { Alert } from './alert.ts'
import { rankRoots } from './root.ts'
import type { RootCandidate } from './root.ts'
import type { ServiceGraph } from './service-graph.ts'

const MINUTE_MS = 60_000

/** A release that went out. */
export interface DeployFact {
  deployId: string
  service: string
  environment: string
  release: string
  atMs: number
}

export interface CauseFindings {
  /** Service, zone or external host; empty when nothing is known. */
  root: string
  /** deploy_id, or empty. */
  suspectDeploy: string
  causes: readonly Cause[]
}

/** Errors of a bad release come soon; later ones are blamed on it only by comparison with the release before. */
const DEPLOY_DELAY_MAX_MS = 20 * MINUTE_MS
/** Clocks of a deploy and of the service differ by up to this much. */
const CLOCK_SKEW_MS = 5000
const DEPLOY_FADE_MS = 10 * MINUTE_MS
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
  const suspect =
    root?.kind === 'service' ? suspectDeploy(alerts, root.subject, context.deploys) : undefined
  const causes = [
    ...(suspect === undefined ? [] : [suspect.cause]),
    ...rootCauses(roots, alerts),
    ...firstSeen(alerts),
    ...sharedDimension(alerts),
  ]
  return {
    root: root?.subject ?? '',
    suspectDeploy: suspect?.deploy.deployId ?? '',
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

/** The errors a release of `service` could have brought: its own, and not those that blame someone else. */
function ownErrors(alerts: readonly Alert[], service: string): Alert[] {
  return alerts.filter(
    (alert) =>
      alert.service === service && alert.names.length === 0 && alert.externals.length === 0,
  )
}

/**
 * The latest deploy of the root service before its first own error, when that error is the new release's:
 * first seen in it, or credibly more frequent than in the release before. Time alone proves nothing.
 */
function suspectDeploy(
  alerts: readonly Alert[],
  service: string,
  deploys: readonly DeployFact[],
): { deploy: DeployFact; cause: Cause } | undefined {
  const own = ownErrors(alerts, service)
  if (own.length === 0) return undefined
  const latestFirstMs = firstStartMs(own, COUNTED_EARLY_MS)
  let best: { deploy: DeployFact; weight: number; delayMs: number } | undefined
  for (const deploy of deploys) {
    const isBefore = deploy.atMs <= latestFirstMs + CLOCK_SKEW_MS
    if (deploy.service !== service || !isBefore) continue
    const guilty = own.filter((alert) => blamesRelease(alert, deploy.release))
    const delayMs = Math.max(0, firstStartMs(guilty, MINUTE_MS) - deploy.atMs)
    if (guilty.length === 0 || delayMs > DEPLOY_DELAY_MAX_MS) continue
    const weight = 0.5 + 0.5 * Math.exp(-delayMs / DEPLOY_FADE_MS)
    if (best === undefined || delayMs < best.delayMs) best = { deploy, weight, delayMs }
  }
  if (best === undefined) return undefined
  const { deploy, weight, delayMs } = best
  const seconds = Math.round(delayMs / 1000)
  const sentence = `${service} ${deploy.release} went out ${seconds} s before its first new error, which only this release shows.`
  return { deploy, cause: { kind: 'deploy', subject: deploy.deployId, weight, sentence } }
}

/** When the first of them began, at the latest. */
function firstStartMs(alerts: readonly Alert[], countedMs: number): number {
  return Math.min(...alerts.map((alert) => latestStartMs(alert, countedMs)))
}

function blamesRelease(alert: Alert, release: string): boolean {
  const isOnlyThere =
    alert.releases.length === 0 || (alert.releases.length === 1 && alert.releases[0] === release)
  return (
    alert.worseRelease === release ||
    (alert.newInRelease && isOnlyThere) ||
    (alert.kind === 'novel' && isOnlyThere && alert.releases.length === 1)
  )
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
