import { FaultlineError } from '#/kernel/errors.ts'
import type { IncidentStatus } from '#/schemas/incident.ts'
import { findIncident, pairName, refreshCauses, refreshSeverity, tell } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { emptyIncident, isAnnounced } from './incident-state.ts'
import type { IncidentState } from './incident-state.ts'
import { reopen } from './joining.ts'
import { resolve } from './lifecycle.ts'
import { mergeIncidents } from './merging.ts'
import { settled } from './severity.ts'
import { splitOff } from './split-by-cause.ts'

/** What a person decides about an incident. Already authorised and in log order when it comes here. */
export type IncidentAction = { incidentId: string; actor: string; atMs: number } & (
  | { kind: 'status'; status: IncidentStatus }
  | { kind: 'severity'; level: number | null }
  | { kind: 'merge'; into: string }
  | { kind: 'split'; memberKeys: readonly string[] }
  | { kind: 'title'; title: string }
  | { kind: 'create'; title: string; level: number; services: readonly string[] }
)

/** Throws `not_found` for an unknown incident and `conflict` for a step the state does not allow. */
export function applyToCluster(cluster: Cluster, action: IncidentAction): void {
  if (action.kind === 'create') return openByHand(cluster, action)
  const incident = findIncident(cluster, action.incidentId)
  if (incident === undefined || !isAnnounced(incident))
    throw new FaultlineError('not_found', `there is no incident ${action.incidentId}`)
  switch (action.kind) {
    case 'status':
      return setStatus(cluster, incident, action)
    case 'severity':
      return lockSeverity(cluster, incident, action)
    case 'merge':
      return mergeByHand(cluster, incident, action)
    case 'split':
      return splitByHand(cluster, incident, action)
    case 'title':
      return rename(cluster, incident, action)
  }
}

type Of<K extends IncidentAction['kind']> = Extract<IncidentAction, { kind: K }>

/** An incident without telemetry: it lives until a person resolves it, and what is seen of it may be merged in. */
function openByHand(cluster: Cluster, action: Of<'create'>): void {
  const { incidentId, title, level, services, actor, atMs: at } = action
  if (findIncident(cluster, incidentId) !== undefined)
    throw new FaultlineError('conflict', `there is an incident ${incidentId} already`)
  const incident = emptyIncident(incidentId, at)
  incident.number = cluster.nextNumber
  cluster.nextNumber += 1
  incident.givenTitle = title
  incident.declaredServices = services
  incident.hasStaleCauses = false
  incident.severity = settled({ ...incident.severity.shown, level, locked: true })
  cluster.open.set(incident.id, incident)
  tell(cluster, incident, { kind: 'opened', at, sentence: `Opened by ${actor}.`, actor })
}

function rename(cluster: Cluster, incident: IncidentState, action: Of<'title'>): void {
  const { actor, atMs: at, title } = action
  incident.givenTitle = title
  tell(cluster, incident, { kind: 'updated', at, sentence: `Renamed by ${actor}.`, actor })
}

function setStatus(cluster: Cluster, incident: IncidentState, action: Of<'status'>): void {
  const { actor, atMs: at, status } = action
  if (incident.status === status) return
  if (status === 'resolved') {
    resolve(cluster, incident, { at, resolvedAtMs: at, sentence: `Resolved by ${actor}.`, actor })
    return
  }
  if (incident.status === 'resolved') {
    reopen(cluster, incident, {
      at,
      sentence: `Opened again by ${actor}.`,
      regressed: false,
      actor,
    })
    // Decided before anybody knew that the engine had resolved it meanwhile: the person's word stands.
    if (status !== 'investigating') return
  }
  incident.status = status
  const sentence =
    status === 'investigating' ? `${actor} is investigating.` : `Back to open by ${actor}.`
  tell(cluster, incident, { kind: 'status', at, sentence, actor })
}

function lockSeverity(cluster: Cluster, incident: IncidentState, action: Of<'severity'>): void {
  const { actor, atMs: at, level } = action
  const { locked: _, ...shown } = incident.severity.shown
  incident.severity = settled(level === null ? shown : { ...shown, level, locked: true })
  const sentence = level === null ? `${actor} released the severity.` : `${actor} set SEV${level}.`
  tell(cluster, incident, { kind: 'severity', at, sentence, actor })
}

function mergeByHand(cluster: Cluster, incident: IncidentState, action: Of<'merge'>): void {
  const into = findIncident(cluster, action.into)
  if (into === undefined)
    throw new FaultlineError('not_found', `there is no incident ${action.into}`)
  if (into === incident) return
  for (const each of [incident, into])
    if (each.status === 'resolved')
      throw new FaultlineError('conflict', `incident #${each.number} is resolved; open it first`)
  const { actor, atMs: at } = action
  for (const left of incident.members)
    for (const right of into.members)
      cluster.apart.delete(pairName(left.alert.key, right.alert.key))
  const sentence = `${actor} decided so`
  const kept = mergeIncidents(cluster, {
    left: incident,
    right: into,
    at,
    affinity: 1,
    sentence,
    actor,
  })
  refreshCauses(cluster, kept)
  refreshSeverity(cluster, kept, at)
}

/** Takes members out into an incident of their own, and keeps the two sides apart from now on. */
function splitByHand(cluster: Cluster, incident: IncidentState, action: Of<'split'>): void {
  const { actor, atMs: at, memberKeys } = action
  const leaving = incident.members.filter((member) => memberKeys.includes(member.alert.key))
  const staying = incident.members.filter((member) => !memberKeys.includes(member.alert.key))
  const [first] = leaving
  if (first === undefined || staying.length === 0)
    throw new FaultlineError('conflict', 'a split takes some members out and leaves some in')
  if (incident.status === 'resolved')
    throw new FaultlineError('conflict', `incident #${incident.number} is resolved; open it first`)
  for (const left of leaving)
    for (const right of staying) cluster.apart.add(pairName(left.alert.key, right.alert.key))
  cluster.index.remove(incident)
  incident.members = staying
  incident.hasStaleCauses = true
  for (const member of staying) cluster.index.add({ incident, member })
  const split = splitOff(cluster, { members: leaving, first, nowMs: at })
  tell(cluster, incident, {
    kind: 'split',
    at,
    actor,
    sentence: `${actor} moved ${leaving.length} issues to #${split.number}.`,
  })
  tell(cluster, split, {
    kind: 'opened',
    at,
    actor,
    sentence: `${actor} split it from #${incident.number}.`,
  })
  for (const each of [incident, split]) {
    refreshCauses(cluster, each)
    refreshSeverity(cluster, each, at)
  }
}
