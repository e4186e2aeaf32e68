import type { ConfigEntry } from '#/schemas/records.ts'
import type { GroupingDecision } from './decisions.ts'

/** Kind of the entries of config.v1, and of the records among the events, that carry a decision about groups. */
export const DECISION_KIND = 'grouping'

/** As it is kept in config.v1: with the place it has among the events, so that a replay applies it there again. */
export interface PlacedDecision {
  decision: GroupingDecision
  /** Offset of its record in each partition of the raw topic; empty until it was put there. */
  offsets: readonly number[]
}

export function entryOfDecision(
  decision: GroupingDecision,
  value: GroupingDecision | PlacedDecision,
): ConfigEntry {
  return {
    kind: DECISION_KIND,
    id: `${decision.project}/${decision.id}`,
    at: decision.at,
    actor: decision.actor,
    value: JSON.stringify(value),
  }
}

/** A decision with its places; undefined for other entries. */
export function readPlaced(entry: ConfigEntry): PlacedDecision | undefined {
  return entry.kind === DECISION_KIND ? (JSON.parse(entry.value) as PlacedDecision) : undefined
}

/** A decision that lies among the events; undefined for other entries. */
export function readDecision(entry: ConfigEntry): GroupingDecision | undefined {
  return entry.kind === DECISION_KIND ? (JSON.parse(entry.value) as GroupingDecision) : undefined
}
