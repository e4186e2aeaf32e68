import type { Cause } from '#/schemas/incident.ts'
import { COUNTED_EARLY_MS, latestStartMs } from './alert.ts'
import type { Alert } from './alert.ts'

const MINUTE_MS = 60_000

/** A release that went out. */
export interface DeployFact {
  deployId: string
  service: string
  environment: string
  /** Empty when nobody named it. */
  release: string
  atMs: number
}

/** A deploy that may have brought the errors of its service. */
export interface Suspect {
  deploy: DeployFact
  /** Errors that speak for it. */
  guilty: number
  /** It went out where they are. */
  isThere: boolean
  /** Some of them were not there before it. */
  isNew: boolean
  /** From the deploy to the first of them. */
  delayMs: number
}

/** Errors of a bad release come soon; later ones are blamed on it only by comparison with the release before. */
const DEPLOY_DELAY_MAX_MS = 20 * MINUTE_MS
/** Clocks of a deploy and of the service differ by up to this much. */
const CLOCK_SKEW_MS = 5000
const DEPLOY_FADE_MS = 10 * MINUTE_MS
const SUSPECTS_MAX = 3

/**
 * The deploys of a service that went out before its first own error, when an error is the new release's: first seen
 * in it, or credibly more frequent than in the release before. Time alone proves nothing. The one most errors speak
 * for comes first, among equals the latest; a release stands once.
 */
export function findSuspects(
  alerts: readonly Alert[],
  service: string,
  deploys: readonly DeployFact[],
): Suspect[] {
  const own = ownErrors(alerts, service)
  if (own.length === 0) return []
  const latestFirstMs = firstStartMs(own, COUNTED_EARLY_MS)
  const found: Suspect[] = []
  for (const deploy of deploys) {
    const isBefore = deploy.atMs <= latestFirstMs + CLOCK_SKEW_MS
    if (deploy.service !== service || !isBefore) continue
    const guilty = own.filter((alert) => blamesRelease(alert, deploy.release))
    const delayMs = Math.max(0, firstStartMs(guilty, MINUTE_MS) - deploy.atMs)
    if (guilty.length === 0 || delayMs > DEPLOY_DELAY_MAX_MS) continue
    const isThere = guilty.some(({ environment }) => environment === deploy.environment)
    const isNew = guilty.some((alert) => alert.newInRelease || alert.kind === 'novel')
    found.push({ deploy, guilty: guilty.length, isThere, isNew, delayMs })
  }
  const ranked = found.toSorted(compareSuspects)
  const releases = ranked.map(({ deploy }) => deploy.release)
  return ranked
    .filter(({ deploy }, place) => releases.indexOf(deploy.release) === place)
    .slice(0, SUSPECTS_MAX)
}

function compareSuspects(left: Suspect, right: Suspect): number {
  return (
    Number(right.isThere) - Number(left.isThere) ||
    right.guilty - left.guilty ||
    left.delayMs - right.delayMs ||
    (left.deploy.deployId < right.deploy.deployId ? -1 : 1)
  )
}

/** Suspects as causes, in their order. Equals name each other, so that the first alone does not look proven. */
export function suspectCauses(suspects: readonly Suspect[]): Cause[] {
  const [first] = suspects
  if (first === undefined) return []
  return suspects.map((suspect) => {
    const { deploy, guilty, delayMs } = suspect
    const share = Math.min(1, guilty / first.guilty)
    const weight = share * (0.5 + 0.5 * Math.exp(-delayMs / DEPLOY_FADE_MS))
    const equals = suspects.filter((other) => other !== suspect && areEqual(other, suspect))
    const isFirst = areEqual(first, suspect)
    const sentence = isFirst ? accusation(suspect, equals) : doubt(suspect, first)
    return { kind: 'deploy', subject: deploy.deployId, weight, sentence }
  })
}

const areEqual = (left: Suspect, right: Suspect): boolean =>
  left.guilty === right.guilty && left.isThere === right.isThere

const secondsOf = ({ delayMs }: Suspect): number => Math.round(delayMs / 1000)

const nameOf = ({ deploy }: Suspect): string =>
  deploy.release === '' ? `deploy ${deploy.deployId}` : deploy.release

function accusation(suspect: Suspect, equals: readonly Suspect[]): string {
  const went = `${suspect.deploy.service} ${nameOf(suspect)} went out ${secondsOf(suspect)} s before`
  const others = equals.map((other) => `${nameOf(other)} ${secondsOf(other)} s before`)
  if (others.length > 0) return `${went}, ${others.join(', ')}: as much speaks for each.`
  return suspect.isNew
    ? `${went} its first new error, which only this release shows.`
    : `${went} its errors became more frequent than in the release before.`
}

function doubt(suspect: Suspect, first: Suspect): string {
  const { deploy, guilty, isThere } = suspect
  const went = `${deploy.service} ${nameOf(suspect)} went out ${secondsOf(suspect)} s before`
  if (!isThere && first.isThere) return `${went}, but in ${deploy.environment}.`
  return `${went}; ${counted(guilty)} for it, ${first.guilty} for ${nameOf(first)}.`
}

const counted = (errors: number): string =>
  errors === 1 ? '1 error speaks' : `${errors} errors speak`

/** The errors a release of `service` could have brought: its own, and not those that blame someone else. */
function ownErrors(alerts: readonly Alert[], service: string): Alert[] {
  return alerts.filter(
    (alert) =>
      alert.service === service && alert.names.length === 0 && alert.externals.length === 0,
  )
}

/** When the first of them began, at the latest. */
function firstStartMs(alerts: readonly Alert[], countedMs: number): number {
  return Math.min(...alerts.map((alert) => latestStartMs(alert, countedMs)))
}

function blamesRelease(alert: Alert, release: string): boolean {
  const isOnlyThere =
    alert.releases.length === 0 || (alert.releases.length === 1 && alert.releases[0] === release)
  return (
    // No release compares worse than one without a name.
    (release !== '' && alert.worseRelease === release) ||
    (alert.newInRelease && isOnlyThere) ||
    (alert.kind === 'novel' && isOnlyThere && alert.releases.length === 1)
  )
}
