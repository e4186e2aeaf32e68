import { createHash } from 'node:crypto'
import { plainText, secondsFrom } from '#/processors/domain/ai-evidence/sql-text.ts'
import type { SuggestionsView, SuggestionView } from '#/schemas/ask.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { DeployView, SimilarIncident } from '#/schemas/view.ts'

/** One in five minutes is enough. */
export const SUGGESTION_APART_MS = 300_000
const SIMILARITY_MIN = 0.3
const CAUSE_MIN = 0.5
const TEXT_MAX = 300

/** What could be said about one incident: what ended its like, and the deploy that most likely began it. */
export function suggestionsFor(known: {
  incident: Incident
  similar: readonly SimilarIncident[]
  deploys: readonly DeployView[]
}): SuggestionView[] {
  const { incident, similar, deploys } = known
  const base = { incident_id: incident.id, number: incident.number }
  const made: SuggestionView[] = []
  const past = similar.find(
    ({ worked, similarity }) => worked.length > 0 && similarity >= SIMILARITY_MIN,
  )
  if (past !== undefined)
    made.push({
      ...base,
      id: idOf([incident.id, 'past_solution', past.id]),
      kind: 'past_solution',
      at: incident.openedAt,
      text: `#${incident.number} resembles #${past.number} "${plainText(past.title)}", which ended with: ${plainText(past.worked[0] ?? '', TEXT_MAX)}`,
      failed: past.failed.map((one) => plainText(one, TEXT_MAX)),
    })
  const cause = incident.causes.find(({ kind, weight }) => kind === 'deploy' && weight >= CAUSE_MIN)
  const deploy = deploys.find(({ deploy_id }) => deploy_id === cause?.subject)
  if (cause !== undefined && deploy !== undefined)
    made.push({
      ...base,
      id: idOf([incident.id, 'deploy', deploy.deploy_id]),
      kind: 'deploy',
      at: incident.openedAt,
      text: `Deploy ${plainText(deploy.deploy_id)} of ${plainText(deploy.service)} came ${secondsFrom(deploy.at, incident.openedAt)} the opening of #${incident.number}: compare it with the release before.`,
      failed: [],
    })
  return made
}

function idOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24)
}

/**
 * Of all that could be said, what is: in the order of time, at least five minutes apart. It follows from the
 * suggestions alone, so everybody sees the same ones and nothing has to be remembered. Who asks gets all of them.
 */
export function quietly(
  candidates: readonly SuggestionView[],
  { nowMs, mutedUntil, asked }: { nowMs: number; mutedUntil: number | null; asked: boolean },
): SuggestionsView {
  const inOrder = candidates.toSorted(
    (left, right) => left.at - right.at || (left.id < right.id ? -1 : 1),
  )
  const muted_until = mutedUntil !== null && mutedUntil > nowMs ? mutedUntil : null
  if (asked) return { items: inOrder.toReversed(), held_back: 0, muted_until }
  if (muted_until !== null) return { items: [], held_back: inOrder.length, muted_until }
  const items: SuggestionView[] = []
  for (const one of inOrder) {
    const last = items.at(-1)
    if (last === undefined || one.at - last.at >= SUGGESTION_APART_MS) items.push(one)
  }
  return { items: items.toReversed(), held_back: inOrder.length - items.length, muted_until }
}
