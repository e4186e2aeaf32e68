import { createDecisionBook, type GroupingDecision, type Pin } from './decisions.ts'

/** Decisions of one project, oldest first. */
type History = readonly GroupingDecision[]

function bookBefore(history: History, revision: number) {
  const book = createDecisionBook()
  for (const decision of history) if (decision.revision < revision) book.apply(decision)
  return book
}

function standingPins(history: History): Map<string, { to: string; decision: GroupingDecision }> {
  const pins = new Map<string, { to: string; decision: GroupingDecision }>()
  for (const decision of history) {
    for (const { fingerprint, to } of decision.pins) {
      if (to === null) pins.delete(fingerprint)
      else pins.set(fingerprint, { to, decision })
    }
  }
  return pins
}

/** `issues` become part of `into`. What was pinned to them moves along, so that a chain has one step. */
export function mergePins(history: History, issues: readonly string[], into: string): Pin[] {
  const merged = new Set(issues)
  const moved = [...standingPins(history)]
    .filter(([fingerprint, { to }]) => merged.has(to) && to !== fingerprint)
    .map(([fingerprint]) => ({ fingerprint, to: into }))
  const pins = issues.map((fingerprint) => ({ fingerprint, to: into }))
  return [...pins, ...moved.filter(({ fingerprint }) => !merged.has(fingerprint))]
}

/** Each part becomes an issue of its own; `together`, all become one, named after the first. */
export function splitPins(parts: readonly string[], together: boolean): Pin[] {
  const first = parts[0] ?? ''
  return parts.map((fingerprint) => ({ fingerprint, to: together ? first : fingerprint }))
}

/** Other rules: what former rules drew to themselves is let go, then `pins` hold. */
export function rulePins(history: History, pins: readonly Pin[]): Pin[] {
  const wanted = new Set(pins.map(({ fingerprint }) => fingerprint))
  const released = [...standingPins(history)]
    .filter(([fingerprint, { decision }]) => decision.kind === 'rules' && !wanted.has(fingerprint))
    .map(([fingerprint]) => ({ fingerprint, to: null }))
  return [...released, ...pins]
}

/** Decisions that nobody took back; a taking back is none itself. */
function standing(history: History): GroupingDecision[] {
  const undone = new Set<string>()
  const byId = new Map(history.map((decision) => [decision.id, decision]))
  for (const { undoes } of history) {
    if (undoes === undefined) continue
    const revived = byId.get(undoes)?.undoes
    if (revived === undefined) undone.add(undoes)
    else undone.delete(revived)
  }
  return history.filter(({ id, kind }) => kind !== 'undo' && !undone.has(id))
}

export type Undo =
  | Pick<GroupingDecision, 'pins' | 'rules' | 'undoes'>
  | { conflict: GroupingDecision }

/**
 * What takes a decision back. What was merged stands alone from then on, whatever is learned: somebody looked at it.
 * Not possible once a later decision changed the same things.
 */
export function undoOf(history: History, decision: GroupingDecision): Undo {
  const before = bookBefore(history, decision.revision)
  const touched = new Set(decision.pins.map(({ fingerprint }) => fingerprint))
  const later = standing(history).find(
    (one) =>
      one.revision > decision.revision &&
      (one.pins.some(({ fingerprint }) => touched.has(fingerprint)) ||
        (decision.rules !== undefined && one.rules !== undefined)),
  )
  if (later !== undefined) return { conflict: later }
  const alone = decision.kind === 'merge'
  const pins = decision.pins.map(({ fingerprint }) => ({
    fingerprint,
    to: before.pinOf(fingerprint) ?? (alone ? fingerprint : null),
  }))
  return {
    pins,
    undoes: decision.id,
    ...(decision.rules === undefined ? {} : { rules: before.rules }),
  }
}
