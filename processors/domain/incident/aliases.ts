import type { Detection } from '#/processors/domain/spike/types.ts'
import { alertKey } from './alert.ts'
import { findIncident, isKeptApart, pairName, tell } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import type { IncidentState } from './incident-state.ts'
import { mergeIncidents, takeMember } from './merging.ts'
import { refreshSilence } from './silence.ts'

interface Renaming {
  from: string
  to: string
  fingerprint: string
  at: number
}

/**
 * Grouping learned, or a person decided, that one issue is part of another one. What detection tells of the other one
 * says so, and then the two are one member wherever the first one was: one key, one past, one incident.
 */
export function followAliases(cluster: Cluster, detection: Detection): void {
  const { aliases, fingerprint, kind, atMs: at } = detection
  if (aliases === undefined || fingerprint === undefined || kind === 'episode_end') return
  const to = alertKey(detection)
  for (const alias of aliases) {
    const from = alertKey({ ...detection, fingerprint: alias })
    if (from !== to) rename(cluster, { from, to, fingerprint, at })
  }
}

function rename(cluster: Cluster, renaming: Renaming): void {
  const { from, to, fingerprint, at } = renaming
  const incident = findIncident(cluster, cluster.lastByKey.get(from) ?? '')
  const member = incident?.members.find(({ alert }) => alert.key === from)
  if (incident === undefined || member === undefined || isApart(cluster, renaming, incident)) return
  const other = findIncident(cluster, cluster.lastByKey.get(to) ?? '')
  const isOpen = cluster.open.has(incident.id)
  if (isOpen) cluster.index.removeMember({ incident, member })
  cluster.lastByKey.delete(from)
  member.alert = { ...member.alert, key: to, fingerprint }
  for (const { reason } of incident.members) if (reason.through === from) reason.through = to
  keepApart(cluster, renaming)
  const twin = incident.members.find((known) => known !== member && known.alert.key === to)
  if (twin === undefined) {
    for (const { id } of member.episodes)
      if (cluster.episodes.has(id)) cluster.episodes.set(id, { incidentId: incident.id, key: to })
    if (isOpen) cluster.index.add({ incident, member })
    // Where the other one was last counts, unless that is over and this one is not.
    if (other === undefined || (isOpen && !cluster.open.has(other.id)))
      cluster.lastByKey.set(to, incident.id)
  } else {
    incident.members = incident.members.filter((known) => known !== member)
    takeMember(cluster, incident, member)
    if (isOpen) rejoinIndex(cluster, incident)
  }
  incident.hasStaleCauses = true
  incident.isDirty = true
  refreshSilence(cluster, incident, at)
  if (isOpen && other !== undefined && other !== incident && cluster.open.has(other.id)) {
    const sentence = `"${member.alert.title.slice(0, 120)}" is one issue in both`
    mergeIncidents(cluster, { left: incident, right: other, at, affinity: 1, sentence })
  } else if (isOpen) {
    const sentence = `"${member.alert.title.slice(0, 120)}" is part of the issue ${fingerprint.slice(0, 12)} now.`
    tell(cluster, incident, { kind: 'updated', at, sentence })
  }
}

/** What a person told apart is not made one by what is learned later. */
function isApart(cluster: Cluster, { from, to }: Renaming, incident: IncidentState): boolean {
  if (cluster.apart.has(pairName(from, to))) return true
  const other = findIncident(cluster, cluster.lastByKey.get(to) ?? '')
  if (other === undefined || other === incident) return isKeptApart(cluster, to, incident)
  return isKeptApart(cluster, from, other) || isKeptApart(cluster, to, incident)
}

function keepApart({ apart }: Cluster, { from, to }: Renaming): void {
  if (apart.size === 0) return
  for (const pair of apart) {
    const names = pair.split('\n')
    if (!names.includes(from)) continue
    const other = names.find((name) => name !== from)
    if (other !== undefined && other !== to) apart.add(pairName(to, other))
  }
}

function rejoinIndex(cluster: Cluster, incident: IncidentState): void {
  cluster.index.remove(incident)
  for (const member of incident.members) cluster.index.add({ incident, member })
}
