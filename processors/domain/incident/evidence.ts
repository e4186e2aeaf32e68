import type { IncidentState, MemberState } from './incident-state.ts'
import { episodeEvents } from './incident-state.ts'
import type { IncidentPolicy } from './policy.ts'

const MINUTE_MS = 60_000
/** A new fingerprint told with fewer events than this comes from a service watched for an hour or more (novelty.ts). */
const COLD_EVENTS = 10
const WARM_MIN = 60
/** Before that nobody knows what is usual: it takes so many times the evidence, about ten events at once. */
const COLD_FACTOR = 2
const WATCHED_MIN = 1
const SPAN_MIN = 1 / 6
const FATAL = 5

/**
 * Evidence in nats that a new fingerprint is more than rare noise. Whoever watched for T minutes without seeing it
 * expects the next event of a rare one in about T minutes; n events within w minutes then are (n - 1) surprises of
 * ln((T + w) / w) each. Of one that came now and then before, T is the time between two of those.
 */
export function noveltyNats(events: number, spanMin: number, watchedMin: number): number {
  const span = Math.max(SPAN_MIN, spanMin)
  const watched = Math.max(WATCHED_MIN, watchedMin)
  return Math.max(0, events - 1) * Math.log((watched + span) / span)
}

/** Share of the evidence it takes to open an incident on this member alone; 1 is enough. */
function memberShare(
  member: MemberState,
  context: { policy: IncidentPolicy; watchedSinceMs: number },
): number {
  const { alert } = member
  const { policy } = context
  if (alert.severityMax >= FATAL) return 1
  // The team has said what counts, and seen in a back-test how often that is.
  if (alert.kind === 'sql') return 1
  if (alert.kind !== 'novel')
    // Latency has a scale of its own: there the detector's threshold decides.
    return alert.kind === 'latency'
      ? member.score / alert.threshold
      : member.score / policy.openNatsSpike
  const episode = member.episodes.at(-1)
  const events = (episode === undefined ? 0 : episodeEvents(episode)) - (alert.earlier ?? 0)
  const spanMin = (Math.max(member.lastAtMs, alert.atMs) - alert.startedAtMs) / MINUTE_MS
  const knownMin = (alert.startedAtMs - context.watchedSinceMs) / MINUTE_MS
  const watchedMin = alert.observed < COLD_EVENTS ? Math.max(WARM_MIN, knownMin) : knownMin
  const gapMin = Math.min(watchedMin, 1 / alert.expectedPerMin)
  const needed = policy.openNatsNovel * (watchedMin < WARM_MIN ? COLD_FACTOR : 1)
  return noveltyNats(events, spanMin, gapMin) / needed
}

/** True when there is evidence enough to tell people about the incident. Alerts that belong together add up. */
export function isConvincing(
  incident: IncidentState,
  context: { policy: IncidentPolicy; watchedSinceMs: number },
): boolean {
  if (context.policy.opening === 'first_event') return true
  let sum = 0
  for (const member of incident.members) sum += memberShare(member, context)
  return sum >= 1
}
