import type { IncidentSilence } from '#/schemas/incident.ts'
import { matchesGlob } from '#/processors/domain/grouping/glob.ts'
import type { Alert } from './alert.ts'
import { findIncident, tell } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { silenceOf } from './incident-state.ts'
import type { IncidentState } from './incident-state.ts'

/** What a silence covers: every field given has to match, `*` and `?` as in fingerprint rules. */
export interface SilenceMatch {
  service?: string
  fingerprint?: string
  environment?: string
}

export const SILENCE_FIELDS = ['service', 'fingerprint', 'environment'] as const

/** Nobody is to be told of what it covers, from one moment of event time up to another one. */
export interface Silence {
  id: string
  project: string
  match: SilenceMatch
  /** Event time, ms. It holds from `from` on and no more at `until`. */
  from: number
  until: number
  actor: string
  reason: string
}

/** What a person decides about silences, at its place among the detections. */
export type SilenceAction =
  | { kind: 'silence'; silence: Silence; atMs: number }
  | { kind: 'unsilence'; id: string; actor: string; atMs: number }

/** Silences of a project that have not ended; the API refuses more, so that state stays bounded. */
export const SILENCES_MAX = 200

export function covers({ match }: Pick<Silence, 'match'>, alert: Alert): boolean {
  return SILENCE_FIELDS.every((field) => {
    const glob = match[field]
    return glob === undefined || matchesGlob(glob, alert[field])
  })
}

/** The silence that covers an alert for longest, among those that hold at this time. */
function holdingFor(cluster: Cluster, alert: Alert, atMs: number): IncidentSilence | undefined {
  let longest: Silence | undefined
  for (const silence of cluster.silences.values()) {
    if (atMs < silence.from || atMs >= silence.until || !covers(silence, alert)) continue
    if (longest === undefined || silence.until > longest.until) longest = silence
  }
  return longest && { id: longest.id, until: longest.until, reason: longest.reason }
}

/** Marks the members that are muted now, and tells when that mutes the incident or ends it. */
export function refreshSilence(cluster: Cluster, incident: IncidentState, atMs: number): void {
  const { members } = incident
  const isUntouched = members.every(({ silence }) => silence === undefined)
  if (cluster.silences.size === 0 && isUntouched) return
  const nowMs = Math.max(atMs, cluster.advancedToMs)
  for (const member of members) {
    const silence = holdingFor(cluster, member.alert, nowMs)
    if (silence === undefined) delete member.silence
    else member.silence = silence
  }
  const after = silenceOf(members)
  const wasSilenced = incident.isSilenced === true
  if (wasSilenced === (after !== undefined)) return
  incident.isSilenced = !wasSilenced
  const sentence =
    after === undefined
      ? 'No longer silenced: not all of it is covered by a silence.'
      : `Silenced by ${after.id} until ${new Date(after.until).toISOString()}: ${after.reason}`
  const kind = after === undefined ? 'unsilenced' : 'silenced'
  tell(cluster, incident, { kind, at: nowMs, sentence })
}

/** At the places where a silence begins or ends; ended ones are forgotten. */
export function advanceSilences(cluster: Cluster, fromMs: number, nowMs: number): void {
  let isBoundary = false
  for (const silence of cluster.silences.values()) {
    if (silence.until <= nowMs) cluster.silences.delete(silence.id)
    if (silence.until <= nowMs || (silence.from > fromMs && silence.from <= nowMs))
      isBoundary = true
  }
  if (isBoundary) refreshAll(cluster, nowMs)
}

/** A repeated decision, or one about a silence that has ended, changes nothing. */
export function applySilence(cluster: Cluster, action: SilenceAction): void {
  const { silences } = cluster
  if (action.kind === 'unsilence') silences.delete(action.id)
  else if (action.silence.until > cluster.advancedToMs && silences.size < SILENCES_MAX)
    silences.set(action.silence.id, action.silence)
  refreshAll(cluster, Math.max(action.atMs, 0))
}

function refreshAll(cluster: Cluster, atMs: number): void {
  for (const id of cluster.open.keys()) {
    const incident = findIncident(cluster, id)
    if (incident !== undefined) refreshSilence(cluster, incident, atMs)
  }
}
