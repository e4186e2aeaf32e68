import type { ComparedIncident, ReplayDifference, ReplayDiffView } from '#lib/contract.ts'
import { counted, listed, plainTitle } from '#lib/format.ts'
import { sevName } from '#lib/severity.ts'
import { spanLong } from '#lib/time/format.ts'

/** One row of the table. */
export interface DifferenceRow {
  kind: string
  title: string
  services: string
  openedAt: number
  what: string
}

/** Of both runs the incident a reader knows: the one there is, where there is one. */
function subjectOf(difference: ReplayDifference): ComparedIncident {
  return 'before' in difference ? difference.before : difference.after
}

function kindOf(difference: ReplayDifference): string {
  if (difference.kind === 'moved') return difference.byMs < 0 ? 'earlier' : 'later'
  return difference.kind
}

function whatOf(difference: ReplayDifference): string {
  switch (difference.kind) {
    case 'new':
      return sevName(difference.after.level)
    case 'vanished':
      return `was ${sevName(difference.before.level)}`
    case 'split':
      return `into ${counted(difference.into.length, 'incident')}: ${named(difference.into)}`
    case 'merged':
      return `from ${counted(difference.from.length, 'incident')}: ${named(difference.from)}`
    case 'moved':
      return `by ${spanLong(Math.abs(difference.byMs))}`
    case 'severity': {
      const { before, after } = difference
      return `${sevName(before.level)} → ${sevName(after.level)}, score ${before.score} → ${after.score}`
    }
  }
}

function named(incidents: readonly ComparedIncident[]): string {
  return listed(incidents.map(nameOf), 3)
}

function nameOf({ title, services }: ComparedIncident): string {
  return title === '' ? listed(services) : plainTitle(title)
}

export function rowOf(difference: ReplayDifference): DifferenceRow {
  const subject = subjectOf(difference)
  return {
    kind: kindOf(difference),
    title: nameOf(subject),
    services: listed(subject.services),
    openedAt: subject.openedAt,
    what: whatOf(difference),
  }
}

/** What a comparison found, in a sentence. */
export function verdictOf({ phase, error, diff }: ReplayDiffView): string {
  if (diff === null)
    return phase === 'cancelled' ? 'The comparison was cancelled.' : `It failed: ${error}`
  const { before, after, differences_total: differences } = diff
  const runs = `${counted(before, 'incident')} before, ${after} after`
  if (differences === 0) return `No difference: ${runs}.`
  return `${counted(differences, 'difference')}: ${runs}.`
}

/** What was changed, in words. */
export function changeOf({ changed, without }: ReplayDiffView): string {
  const parts = [
    ...(changed.length === 0 ? [] : [`changed ${changed.join(', ')}`]),
    ...(without.length === 0 ? [] : [`without ${without.join(', ')}`]),
  ]
  return parts.length === 0 ? 'nothing changed' : parts.join('; ')
}
