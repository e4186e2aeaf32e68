/** How things stand by what the rows of Now say: sentence, totals and list are of one moment. Pure. */
import { headlineOf, type IncidentRow, type Overview } from '#lib/contract.ts'

export interface Standing {
  /** Open ones, the worst first, also those that wait to be shown. */
  active: readonly IncidentRow[]
  open: number
  users: number
}

/** Equals stay as they are listed: the sentence is about the first row. */
const bySeverity = (left: IncidentRow, right: IncidentRow): number =>
  left.severity - right.severity || right.severity_score - left.severity_score

/** Of the rows there are; where the store knows of more than it listed, totals stay the store's. */
export function standingOf(rows: readonly IncidentRow[], overview: Overview): Standing {
  const active = rows.filter((row) => row.status !== 'resolved').toSorted(bySeverity)
  const isAll = overview.open_incidents <= overview.incidents.length
  const users = active.reduce((sum, row) => sum + row.users, 0)
  return {
    active,
    open: isAll ? active.length : Math.max(active.length, overview.open_incidents),
    users: isAll ? users : overview.users_affected,
  }
}

export function sentenceOf(
  { active, open }: Standing,
  around: { hasData: boolean; nowMs: number; deploys: Overview['deploys'] },
): string {
  return headlineOf(active, { ...around, open })
}

/**
 * What the store answers comes by another way than frames, and later: of a row that is newer on screen only what is
 * counted in the store is taken.
 */
export function notOlder(
  shown: readonly IncidentRow[],
  answered: readonly IncidentRow[],
): readonly IncidentRow[] {
  const known = new Map(shown.map((row) => [row.id, row]))
  return answered.map((row) => {
    const own = known.get(row.id)
    if (own === undefined || own.updated_at <= row.updated_at) return row
    const { spark, errors } = row
    return { ...own, ...(spark && { spark }), ...(errors !== undefined && { errors }) }
  })
}
