import type { Alert } from './alert.ts'
import type { IncidentState, MemberState } from './incident-state.ts'
import type { ServiceGraph } from './service-graph.ts'

/** A member together with the incident it is in now. */
export interface IndexedMember {
  incident: IncidentState
  member: MemberState
}

/** Finds the members an alert could be related to without looking at every open incident. */
export interface MemberIndex {
  add(entry: IndexedMember): void
  /** Forgets every member of the incident. */
  remove(incident: IncidentState): void
  removeMember(entry: IndexedMember): void
  /** Candidates in no particular order, each once; at most `SCAN_MAX` of the newest per list. */
  candidates(alert: Alert, graph: ServiceGraph): Set<IndexedMember>
}

/** Members looked at per list, newest first: a service that raised more is one incident already. */
const SCAN_MAX = 48
/** Alerts whose starts lie further apart share nothing that distance would not have faded. */
const REACH_MS = 45 * 60_000
/** Two hops and zones fade sooner, and they are looked for among all recent failed calls. */
const CALL_REACH_MS = 5 * 60_000

function listsOf(alert: Alert): string[] {
  return [
    `key ${alert.key}`,
    `service ${alert.service}`,
    ...alert.names.map((name) => `names ${name}`),
    ...alert.externals.map((host) => `external ${host}`),
    ...(alert.nature === 'call' ? ['calls'] : []),
  ]
}

/** Lists are kept in order of start, so that they are the same after a restart. New members mostly come last. */
function insert(list: IndexedMember[], entry: IndexedMember): void {
  let at = list.length
  while (at > 0 && isAfter(list[at - 1] as IndexedMember, entry)) at -= 1
  list.splice(at, 0, entry)
}

function isAfter({ member: left }: IndexedMember, { member: right }: IndexedMember): boolean {
  const distance = left.alert.startedAtMs - right.alert.startedAtMs
  return distance > 0 || (distance === 0 && left.order > right.order)
}

export function createMemberIndex(): MemberIndex {
  const lists = new Map<string, IndexedMember[]>()

  function collect(
    found: Set<IndexedMember>,
    name: string,
    near: { atMs: number; reachMs: number },
  ): void {
    const list = lists.get(name)
    if (list === undefined) return
    const last = Math.max(0, list.length - SCAN_MAX)
    for (let at = list.length - 1; at >= last; at -= 1) {
      const entry = list[at] as IndexedMember
      const { startedAtMs } = entry.member.alert
      if (startedAtMs < near.atMs - near.reachMs) return
      if (startedAtMs <= near.atMs + near.reachMs) found.add(entry)
    }
  }

  function keep(name: string, isKept: (entry: IndexedMember) => boolean): void {
    const kept = (lists.get(name) ?? []).filter(isKept)
    if (kept.length === 0) lists.delete(name)
    else lists.set(name, kept)
  }

  return {
    add(entry) {
      for (const name of listsOf(entry.member.alert)) {
        const list = lists.get(name)
        if (list === undefined) lists.set(name, [entry])
        else insert(list, entry)
      }
    },
    remove(incident) {
      const names = new Set(incident.members.flatMap((member) => listsOf(member.alert)))
      for (const name of names) keep(name, (entry) => entry.incident !== incident)
    },
    removeMember({ member }) {
      for (const name of listsOf(member.alert)) keep(name, (entry) => entry.member !== member)
    },
    candidates(alert, graph) {
      const found = new Set<IndexedMember>()
      const near = { atMs: alert.startedAtMs, reachMs: REACH_MS }
      collect(found, `key ${alert.key}`, { atMs: alert.startedAtMs, reachMs: Infinity })
      collect(found, `service ${alert.service}`, near)
      collect(found, `names ${alert.service}`, near)
      for (const name of alert.names) {
        collect(found, `service ${name}`, near)
        collect(found, `names ${name}`, near)
      }
      for (const host of alert.externals) collect(found, `external ${host}`, near)
      for (const callee of graph.callees(alert.service)) collect(found, `service ${callee}`, near)
      for (const caller of graph.callers(alert.service)) collect(found, `service ${caller}`, near)
      if (alert.nature === 'call')
        collect(found, 'calls', { atMs: alert.startedAtMs, reachMs: CALL_REACH_MS })
      return found
    },
  }
}
