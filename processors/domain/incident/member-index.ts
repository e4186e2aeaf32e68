import type { Alert } from './alert.ts'
import type { IncidentState, MemberState } from './incident-state.ts'
import type { ServiceGraph } from './service-graph.ts'

/** A member together with the incident it is in now. */
export interface IndexedMember {
  readonly incident: IncidentState
  readonly member: MemberState
}

/** Finds the members an alert could be related to without looking at every open incident. */
export interface MemberIndex {
  add(entry: IndexedMember): void
  /** Forgets every member of the incident. */
  remove(incident: IncidentState): void
  removeMember(entry: IndexedMember): void
  /** Candidates, each once, the same after a restart; at most `SCAN_MAX` of the newest per list. */
  candidates(alert: Alert, graph: ServiceGraph): readonly IndexedMember[]
}

/** Members looked at per list, newest first: a service that raised more is one incident already. */
const SCAN_MAX = 48
/** Alerts whose starts lie further apart share nothing that distance would not have faded. */
const REACH_MS = 45 * 60_000
/** Two hops and zones fade sooner, and they are looked for among all recent failed calls. */
const CALL_REACH_MS = 5 * 60_000

interface Entry extends IndexedMember {
  /** Number of the search that saw it last. */
  seenIn: number
}

type Lists = Map<string, Entry[]>

/** Lists are kept in order of start, so that they are the same after a restart. New members mostly come last. */
function insert(lists: Lists, name: string, entry: Entry): void {
  const list = lists.get(name)
  if (list === undefined) {
    lists.set(name, [entry])
    return
  }
  let at = list.length
  while (at > 0 && isAfter(list[at - 1] as Entry, entry)) at -= 1
  list.splice(at, 0, entry)
}

function isAfter({ member: left }: Entry, { member: right }: Entry): boolean {
  const distance = left.alert.startedAtMs - right.alert.startedAtMs
  return distance > 0 || (distance === 0 && left.order > right.order)
}

function erase(lists: Lists, name: string, isErased: (entry: Entry) => boolean): void {
  const kept = (lists.get(name) ?? []).filter((entry) => !isErased(entry))
  if (kept.length === 0) lists.delete(name)
  else lists.set(name, kept)
}

export function createMemberIndex(): MemberIndex {
  const byKey: Lists = new Map()
  const byService: Lists = new Map()
  const byNamed: Lists = new Map()
  const byExternal: Lists = new Map()
  /** All failed calls under the one name ''. */
  const calls: Lists = new Map()
  let search = 0

  function eachList({ alert }: MemberState, visit: (lists: Lists, name: string) => void): void {
    visit(byKey, alert.key)
    visit(byService, alert.service)
    for (const name of alert.names) visit(byNamed, name)
    for (const host of alert.externals) visit(byExternal, host)
    if (alert.nature === 'call') visit(calls, '')
  }

  return {
    add({ incident, member }) {
      const entry = { incident, member, seenIn: 0 }
      eachList(member, (lists, name) => insert(lists, name, entry))
    },
    remove(incident) {
      for (const member of incident.members)
        eachList(member, (lists, name) =>
          erase(lists, name, (entry) => entry.incident === incident),
        )
    },
    removeMember({ member }) {
      eachList(member, (lists, name) => erase(lists, name, (entry) => entry.member === member))
    },
    candidates(alert, graph) {
      const found: Entry[] = []
      search += 1
      const collect = (list: readonly Entry[] | undefined, reachMs: number): void => {
        if (list === undefined) return
        const last = Math.max(0, list.length - SCAN_MAX)
        for (let at = list.length - 1; at >= last; at -= 1) {
          const entry = list[at] as Entry
          const { startedAtMs } = entry.member.alert
          if (startedAtMs < alert.startedAtMs - reachMs) return
          if (startedAtMs > alert.startedAtMs + reachMs || entry.seenIn === search) continue
          entry.seenIn = search
          found.push(entry)
        }
      }
      collect(byKey.get(alert.key), Infinity)
      collect(byService.get(alert.service), REACH_MS)
      collect(byNamed.get(alert.service), REACH_MS)
      for (const name of alert.names) {
        collect(byService.get(name), REACH_MS)
        collect(byNamed.get(name), REACH_MS)
      }
      for (const host of alert.externals) collect(byExternal.get(host), REACH_MS)
      for (const name of graph.callees(alert.service)) collect(byService.get(name), REACH_MS)
      for (const name of graph.callers(alert.service)) collect(byService.get(name), REACH_MS)
      if (alert.nature === 'call') collect(calls.get(''), CALL_REACH_MS)
      return found
    },
  }
}
