import type { Detection, DetectionKind } from '#/processors/domain/spike/types.ts'
import { LIMITS } from './policy.ts'
import { readMessage } from './message-facts.ts'
import type { MessageFacts } from './message-facts.ts'
import type { ServiceGraph } from './service-graph.ts'

/** What the clusterer compares: a detection that opens an episode, with what its text and place tell. Plain data. */
export interface Alert {
  /** `fingerprint@environment/service`, or `kind:environment/service` for the service as a whole. */
  key: string
  kind: DetectionKind
  subject: string
  fingerprint: string
  service: string
  environment: string
  title: string
  episodeId: string
  startedAtMs: number
  /** When it was known. */
  atMs: number
  sentence: string
  /** Nats for counts, 0 to 1 for latency. */
  score: number
  threshold: number
  nature: MessageFacts['nature']
  /** Services other than its own that its text or traces name. */
  names: readonly string[]
  externals: readonly string[]
  words: readonly string[]
  hosts: readonly string[]
  releases: readonly string[]
  zone: string
  newInRelease: boolean
  /** Release whose error rate is credibly above the one before it, or empty. */
  worseRelease: string
  /** When the only release it was seen in went out, if that was shortly before; else 0. */
  deployedAtMs: number
  severityMax: number
  /** Events of its measurement, and events told with it that are older than that. */
  observed: number
  earlier?: number
  /** Expected events per minute. */
  expectedPerMin: number
  sampleEventId: string
}

/** What a release of its service is compared with. */
export interface DeployTime {
  release: string
  atMs: number
}

const MINUTE_MS = 60_000
const FRESH_DEPLOY_MS = 15 * MINUTE_MS
const CLOCK_SKEW_MS = 5000
/** One chance in a thousand that nothing changed. */
const WORSE_P_MAX = 0.001

export function alertKey(detection: Detection): string {
  const place = `${detection.environment}/${detection.service}`
  const { fingerprint } = detection
  return fingerprint === undefined || fingerprint === ''
    ? `${detection.kind}.${detection.subject}:${place}`
    : `${fingerprint}@${place}`
}

/**
 * What is counted by the minute is told to begin where its excess began to add up: an odd failure of an ordinary day
 * draws that some minutes ahead, so only what began earlier still clears a release.
 */
export const COUNTED_EARLY_MS = 5 * MINUTE_MS

/** When it began, at the latest: a count as much after the minute it is told to begin with. */
export function latestStartMs(
  { kind, startedAtMs }: Pick<Detection, 'kind' | 'startedAtMs'>,
  countedMs = COUNTED_EARLY_MS,
): number {
  const isCounted = kind !== 'novel' && startedAtMs % MINUTE_MS === 0
  return isCounted ? startedAtMs + countedMs : startedAtMs
}

function merged(...lists: (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].toSorted().slice(0, LIMITS.listed)
}

/** The deploy of the only release an alert was seen in, when it went out shortly before the alert began. */
function freshDeployMs(detection: Detection, deploys: readonly DeployTime[]): number {
  const [release, ...others] = detection.releases
  if (release === undefined || others.length > 0) return 0
  let latestMs = 0
  for (const deploy of deploys) {
    const isAfter = latestStartMs(detection) >= deploy.atMs - CLOCK_SKEW_MS
    const isFresh = isAfter && detection.startedAtMs - deploy.atMs <= FRESH_DEPLOY_MS
    if (deploy.release === release && isFresh) latestMs = Math.max(latestMs, deploy.atMs)
  }
  return latestMs
}

/** `deploys` are those of the service. `graph` tells which words of the text are services; it must already know the ones seen so far. */
export function toAlert(
  detection: Detection,
  graph: ServiceGraph,
  deploys: readonly DeployTime[] = [],
): Alert {
  const { sample, service, comparison } = detection
  const own = graph.callees(service)
  // A service called "cart" must not make every text about a cart name it.
  const isService = (token: string): boolean =>
    token !== service && graph.knows(token) && (/[-_.\d]/.test(token) || own.has(token))
  const facts = readMessage(
    { ...sample },
    { service: isService, external: (token) => graph.isExternal(token) },
  )
  const callees = [...detection.callees, ...(sample?.callee === undefined ? [] : [sample.callee])]
  const calledServices = callees.filter((callee) => callee !== service && !isOutside(callee, graph))
  const zone = sample?.zone ?? ''
  const isWorse =
    comparison !== undefined && comparison.ratio > 1 && comparison.pValue <= WORSE_P_MAX
  return {
    key: alertKey(detection),
    kind: detection.kind,
    subject: detection.subject,
    fingerprint: detection.fingerprint ?? '',
    service,
    environment: detection.environment,
    title: titleOf(detection).slice(0, LIMITS.textMax),
    episodeId: detection.episodeId ?? detection.id,
    startedAtMs: detection.startedAtMs,
    atMs: detection.atMs,
    sentence: detection.sentence.slice(0, LIMITS.textMax),
    score: detection.score,
    threshold: detection.threshold,
    nature: facts.nature,
    names: merged(facts.services, calledServices),
    externals: merged(
      facts.externals,
      callees.filter((callee) => isOutside(callee, graph)),
    ),
    words: facts.words.slice(0, 32),
    hosts: merged(detection.hosts),
    releases: merged(detection.releases),
    zone: zone === '' ? graph.zone(service) : zone,
    newInRelease: detection.newInRelease === true,
    worseRelease: isWorse ? comparison.release : '',
    deployedAtMs: facts.nature === 'call' ? 0 : freshDeployMs(detection, deploys),
    severityMax: detection.severityMax,
    observed: detection.observed,
    earlier: Math.max(0, detection.count - detection.observed),
    expectedPerMin: detection.windowMin > 0 ? detection.expected / detection.windowMin : 0,
    sampleEventId: sample?.eventId ?? '',
  }
}

/** A callee with a dot that no topology and no event knows as a service lies outside. */
function isOutside(callee: string, graph: ServiceGraph): boolean {
  return graph.isExternal(callee) || (callee.includes('.') && !graph.knows(callee))
}

/** The words of the issue; of a count without one, what was seen, without the odds. */
function titleOf({ sample, fingerprint, sentence }: Detection): string {
  const what = sentence.split(';')[0] ?? sentence
  return fingerprint === undefined ? what : (sample?.title ?? sample?.message ?? what)
}
