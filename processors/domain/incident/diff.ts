import type { ComparedIncident, ReplayDifference } from '#/schemas/replay-view.ts'

/** An incident as one run of the rules made it, for comparing it with what another run made of the same telemetry. */
export interface IncidentTrace extends Omit<ComparedIncident, 'evidence'> {
  /** What it is made of, named the same way in both runs whatever the rules: ids of events, minutes of services. */
  evidence: ReadonlySet<string>
}

export interface IncidentDiff {
  before: number
  after: number
  /** Pairs that are the same incident, with or without differences. */
  matched: number
  /** Of those, pairs that differ in nothing that is compared. */
  unchanged: number
  differences: readonly ReplayDifference[]
}

/** Incidents are related when they share at least this part of the smaller one. */
const SHARE_MIN = 0.2

interface Relation {
  before: IncidentTrace
  after: IncidentTrace
  shared: number
}

/**
 * Compares the incidents two runs made of the same telemetry. Related are those that share evidence; of all pairs
 * the ones that share most are the same incident, one to one. What is left and related to half of a pair was split
 * from it or merged into it; what is related to nothing is new or has vanished.
 */
export function compareIncidents(
  before: readonly IncidentTrace[],
  after: readonly IncidentTrace[],
): IncidentDiff {
  const relations = relate(before, after)
  const pairs = pairUp(relations)
  const afterOf = new Map(pairs.map((pair) => [pair.before, pair.after]))
  const beforeOf = new Map(pairs.map((pair) => [pair.after, pair.before]))
  const parts = new Map<IncidentTrace, IncidentTrace[]>()
  const sources = new Map<IncidentTrace, IncidentTrace[]>()
  const differences: ReplayDifference[] = []
  for (const incident of inOrder(after)) {
    if (beforeOf.has(incident)) continue
    const origin = strongest(relations, (one) => one.after === incident && afterOf.has(one.before))
    if (origin === undefined) differences.push({ kind: 'new', after: brief(incident) })
    else parts.set(origin.before, [...(parts.get(origin.before) ?? []), incident])
  }
  for (const incident of inOrder(before)) {
    if (afterOf.has(incident)) continue
    const target = strongest(relations, (one) => one.before === incident && beforeOf.has(one.after))
    if (target === undefined) differences.push({ kind: 'vanished', before: brief(incident) })
    else sources.set(target.after, [...(sources.get(target.after) ?? []), incident])
  }
  let unchanged = 0
  for (const pair of pairs) {
    const own = [
      ...regroupings(pair, { parts: parts.get(pair.before), sources: sources.get(pair.after) }),
      ...shifts(pair),
    ]
    if (own.length === 0) unchanged += 1
    differences.push(...own)
  }
  return {
    before: before.length,
    after: after.length,
    matched: pairs.length,
    unchanged,
    differences: differences.toSorted((left, right) => startOf(left) - startOf(right)),
  }
}

function regroupings(
  pair: Relation,
  { parts, sources }: { parts: IncidentTrace[] | undefined; sources: IncidentTrace[] | undefined },
): ReplayDifference[] {
  const found: ReplayDifference[] = []
  const [before, after] = [brief(pair.before), brief(pair.after)]
  if (parts !== undefined)
    found.push({ kind: 'split', before, into: [after, ...parts.map((one) => brief(one))] })
  if (sources !== undefined)
    found.push({ kind: 'merged', from: [before, ...sources.map((one) => brief(one))], after })
  return found
}

function shifts({ before, after }: Relation): ReplayDifference[] {
  const found: ReplayDifference[] = []
  const sides = { before: brief(before), after: brief(after) }
  const byMs = after.openedAt - before.openedAt
  if (byMs !== 0) found.push({ kind: 'moved', ...sides, byMs })
  const [levels, points] = [before.level - after.level, after.score - before.score]
  if (levels !== 0 || points !== 0) found.push({ kind: 'severity', ...sides, levels, points })
  return found
}

function relate(
  before: readonly IncidentTrace[],
  after: readonly IncidentTrace[],
): readonly Relation[] {
  const holders = new Map<string, IncidentTrace[]>()
  for (const incident of before)
    for (const item of incident.evidence)
      holders.set(item, [...(holders.get(item) ?? []), incident])
  const relations: Relation[] = []
  for (const incident of after) {
    const shared = new Map<IncidentTrace, number>()
    for (const item of incident.evidence)
      for (const holder of holders.get(item) ?? [])
        shared.set(holder, (shared.get(holder) ?? 0) + 1)
    for (const [holder, count] of shared) {
      const smaller = Math.min(holder.evidence.size, incident.evidence.size)
      if (count >= SHARE_MIN * smaller)
        relations.push({ before: holder, after: incident, shared: count })
    }
  }
  return relations.toSorted(byStrength)
}

/** The most in common first; then the same id, then the older one, so that the answer is the same every time. */
function byStrength(left: Relation, right: Relation): number {
  return (
    right.shared - left.shared ||
    Number(right.before.id === right.after.id) - Number(left.before.id === left.after.id) ||
    left.before.openedAt - right.before.openedAt ||
    left.after.openedAt - right.after.openedAt ||
    compareText(left.before.id, right.before.id) ||
    compareText(left.after.id, right.after.id)
  )
}

function pairUp(relations: readonly Relation[]): Relation[] {
  const taken = new Set<IncidentTrace>()
  const pairs: Relation[] = []
  for (const relation of relations) {
    if (taken.has(relation.before) || taken.has(relation.after)) continue
    taken.add(relation.before)
    taken.add(relation.after)
    pairs.push(relation)
  }
  return pairs
}

function strongest(
  relations: readonly Relation[],
  holds: (relation: Relation) => boolean,
): Relation | undefined {
  return relations.find((relation) => holds(relation))
}

function brief({ evidence, ...rest }: IncidentTrace): ComparedIncident {
  return { ...rest, evidence: evidence.size }
}

function inOrder(incidents: readonly IncidentTrace[]): IncidentTrace[] {
  return incidents.toSorted(
    (left, right) => left.openedAt - right.openedAt || compareText(left.id, right.id),
  )
}

function startOf(difference: ReplayDifference): number {
  if (difference.kind === 'new' || difference.kind === 'merged') return difference.after.openedAt
  return difference.before.openedAt
}

function compareText(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}
