/** What the summary of an incident says, as cards that wait until a person wants them. Pure. */
import { LIMITS } from '#lib/contract.ts'
import type { InsightView, RoomView } from '#lib/contract.ts'
import { plainTitle, shortened } from '#lib/format.ts'

export interface Suggestion {
  /** Stable: the same thought has the same name, so that a declined one does not come back. */
  id: string
  title: string
  text: string
  /** Who says it: the model's name, or the rules. */
  from: string
}

/** FNV-1a: names need to be stable, not secret. */
function nameOf(text: string): string {
  let hash = 0x811c9dc5
  for (const letter of text.toLowerCase().replaceAll(/[\s\d]+/g, ' '))
    hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return hash.toString(36)
}

/** Causes and next steps nobody has decided about. Numbers do not make another thought of the same sentence. */
export function openSuggestions(
  summary: InsightView | null,
  decided: RoomView['suggestions'],
): readonly Suggestion[] {
  if (summary === null) return []
  const from = summary.fallback ? 'rules' : summary.model
  const all = [
    ...summary.likely_causes.map((text) => ({ kind: 'cause', text })),
    ...summary.next_steps.map((text) => ({ kind: 'step', text })),
  ]
  const seen = new Set<string>()
  return all.flatMap(({ kind, text }) => {
    const id = `${kind}-${nameOf(text)}`
    if (text.trim() === '' || seen.has(id) || Object.hasOwn(decided, id)) return []
    seen.add(id)
    // A card has the words that people read, whoever wrote the template.
    const said = plainTitle(text)
    const title = shortened(said, LIMITS.titleChars)
    return [{ id, title, text: title === said ? '' : said, from }]
  })
}
