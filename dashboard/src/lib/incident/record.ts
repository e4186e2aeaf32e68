/** What people did and wrote about an incident, as lines of a printed page. Pure. */
import type { PostMortem } from '#lib/contract.ts'
import { absolute } from '#lib/time/format.ts'

export interface RecordSection {
  title: string
  lines: readonly string[]
}

type Item = PostMortem['openItems'][number]

function itemLine({ text, owner, due }: Item): string {
  return `${text} (${owner?.name ?? 'nobody yet'}${due === null ? '' : `, due ${absolute(due)}`})`
}

/** Pinned lines and the solution head the page, as they head the document. */
export function recordSections(
  record: PostMortem,
  part: 'head' | 'rest',
): readonly RecordSection[] {
  const { people, commander, scribe, solution } = record
  const roleOf = (id: string): string =>
    id === commander?.id ? ' (commander)' : id === scribe?.id ? ' (scribe)' : ''
  const solved =
    solution === null
      ? []
      : [solution.title, solution.text, ...solution.chain.map((title) => `by way of: ${title}`)]
  const head = [
    { title: 'Pinned', lines: record.pinned },
    { title: 'Solution', lines: solved.filter((line) => line !== '') },
  ]
  const rest = [
    { title: 'Open action items', lines: record.openItems.map(itemLine) },
    { title: 'Action items that are done', lines: record.doneItems.map(itemLine) },
    {
      title: 'Notes',
      lines: record.notes.map(({ at, by, text }) => `${absolute(at)}, ${by.name}: ${text}`),
    },
    { title: 'People', lines: people.map(({ id, name }) => `${name}${roleOf(id)}`) },
  ]
  return (part === 'head' ? head : rest).filter(({ lines }) => lines.length > 0)
}
