import type { DecisionBook } from './decisions.ts'
import { createGrouper, type Grouper, type GroupInput } from './fingerprint.ts'
import type { FingerprintRule } from './fingerprint-rules.ts'

/** A recent event and the issue it is shown under now. */
export interface PreviewEvent {
  service: string
  input: GroupInput
  issue: string
  title: string
  /** Id of the rule that decided, empty when none did. */
  rule: string
}

interface PreviewGroup {
  fingerprint: string
  title: string
  events: number
}

export interface RulesPreview {
  events: number
  /** Issues these events are in now, and would be in were they sent again. */
  issues_before: number
  issues_after: number
  /** Events each rule takes, by its id, in the order of the rules. */
  matched: { id: string; events: number }[]
  /** Issues that would become one, largest first. */
  merged: { into: PreviewGroup; from: PreviewGroup[] }[]
  /** Issues that would fall apart, largest first. */
  split: { issue: PreviewGroup; into: PreviewGroup[] }[]
}

const SHOWN_MAX = 50

/**
 * What rules would do to events that came before: those a rule takes go to its group, those only a former rule took
 * go back, all others stay. Grouping them again by the same rules gives the counts of `after`.
 */
export function previewRules(
  events: readonly PreviewEvent[],
  rules: readonly FingerprintRule[],
  book: DecisionBook,
): RulesPreview {
  const groupers = new Map<string, Grouper>()
  const matched = new Map(rules.map(({ id = '' }) => [id, 0]))
  const moves = new Map<string, Map<string, number>>()
  const titles = new Map<string, string>()
  for (const event of events) {
    let grouper = groupers.get(event.service)
    if (grouper === undefined) groupers.set(event.service, (grouper = createGrouper({ rules })))
    const grouped = grouper.group(event.input)
    const isTaken = grouped.method === 'rule'
    if (isTaken) matched.set(grouped.rule ?? '', (matched.get(grouped.rule ?? '') ?? 0) + 1)
    const stays = !isTaken && event.rule === ''
    const after = stays ? event.issue : book.resolve(grouped.own, grouped.fingerprint)
    if (!titles.has(event.issue)) titles.set(event.issue, event.title)
    if (!titles.has(after)) titles.set(after, stays ? event.title : grouped.title)
    const to = moves.get(event.issue) ?? new Map<string, number>()
    moves.set(event.issue, to)
    to.set(after, (to.get(after) ?? 0) + 1)
  }
  return summary(events.length, moves, titles, matched)
}

type Moves = ReadonlyMap<string, ReadonlyMap<string, number>>

function summary(
  events: number,
  moves: Moves,
  titles: ReadonlyMap<string, string>,
  matched: ReadonlyMap<string, number>,
): RulesPreview {
  const group = (fingerprint: string, count: number): PreviewGroup => ({
    fingerprint,
    title: titles.get(fingerprint) ?? '',
    events: count,
  })
  const from = new Map<string, PreviewGroup[]>()
  const split: RulesPreview['split'] = []
  for (const [issue, to] of moves) {
    const into = [...to].map(([after, count]) => group(after, count))
    for (const { fingerprint, events: count } of into) {
      const known = from.get(fingerprint) ?? []
      from.set(fingerprint, [...known, group(issue, count)])
    }
    if (into.length > 1) split.push({ issue: group(issue, sum(into)), into: largest(into) })
  }
  const merged = [...from]
    .filter(([after, sources]) => sources.some(({ fingerprint }) => fingerprint !== after))
    .map(([after, sources]) => ({ into: group(after, sum(sources)), from: largest(sources) }))
  return {
    events,
    issues_before: moves.size,
    issues_after: from.size,
    matched: [...matched].map(([id, count]) => ({ id, events: count })),
    merged: merged.toSorted((a, b) => b.into.events - a.into.events).slice(0, SHOWN_MAX),
    split: split.toSorted((a, b) => b.issue.events - a.issue.events).slice(0, SHOWN_MAX),
  }
}

const sum = (groups: readonly PreviewGroup[]): number =>
  groups.reduce((total, { events }) => total + events, 0)

function largest(groups: readonly PreviewGroup[]): PreviewGroup[] {
  return groups.toSorted((left, right) => right.events - left.events)
}

/** Issues all of whose events a rule takes to one group: their past can follow. */
export function retroactivePins(preview: RulesPreview): { fingerprint: string; to: string }[] {
  const torn = new Set(preview.split.map(({ issue }) => issue.fingerprint))
  return preview.merged.flatMap(({ into, from }) =>
    from
      .filter(({ fingerprint }) => fingerprint !== into.fingerprint && !torn.has(fingerprint))
      .map(({ fingerprint }) => ({ fingerprint, to: into.fingerprint })),
  )
}
