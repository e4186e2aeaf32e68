import { beginOf, endOf, PLACEHOLDERS } from './open-sections.ts'
import type { OpenSection } from './open-sections.ts'
import type { PostMortem } from './post-mortem.ts'
import type { Card } from './views.ts'

/** One block of the document; both texts are made of the same ones. */
type Block =
  | { kind: 'title' | 'heading' | 'text'; text: string }
  | { kind: 'list'; items: readonly string[] }
  | { kind: 'code'; text: string }
  | { kind: 'open'; section: OpenSection }

export function postMortemMarkdown(document: PostMortem): string {
  const parts = blocksOf(document).map((block) => {
    switch (block.kind) {
      case 'title':
        return `# ${markdownText(block.text)}`
      case 'heading':
        return `## ${markdownText(block.text)}`
      case 'text':
        return markdownText(block.text)
      case 'list':
        return block.items.map((item) => `- ${markdownText(item)}`).join('\n')
      case 'code':
        return fenced(block.text)
      case 'open':
        return `${beginOf(block.section)}\n_${PLACEHOLDERS[block.section]}_\n${endOf(block.section)}`
    }
  })
  return `${parts.join('\n\n')}\n`
}

/** A page of its own without script, style or anything that is fetched. */
export function postMortemHtml(document: PostMortem): string {
  const body = blocksOf(document).map((block) => {
    switch (block.kind) {
      case 'title':
        return `<h1>${htmlText(block.text)}</h1>`
      case 'heading':
        return `<h2>${htmlText(block.text)}</h2>`
      case 'text':
        return `<p>${htmlText(block.text)}</p>`
      case 'list':
        return `<ul>\n${block.items.map((item) => `<li>${htmlText(item)}</li>`).join('\n')}\n</ul>`
      case 'code':
        return `<pre><code>${htmlText(block.text)}</code></pre>`
      case 'open':
        return `<p><em>${PLACEHOLDERS[block.section]}</em></p>`
    }
  })
  const title = htmlText(titleOf(document))
  return `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>${title}</title></head>\n<body>\n${body.join('\n')}\n</body>\n</html>\n`
}

const titleOf = ({ number, title }: PostMortem): string => `Incident #${number}: ${title}`

const NONE = 'None.'

function section(text: string, items: readonly string[]): Block[] {
  return [
    { kind: 'heading', text },
    items.length === 0 ? { kind: 'text', text: NONE } : { kind: 'list', items },
  ]
}

function blocksOf(document: PostMortem): Block[] {
  const { summary, solution, people, commander, scribe, services } = document
  const invalidated = document.cards.filter(({ state }) => state === 'invalidated')
  const standing = document.cards.filter(({ state }) => state !== 'invalidated')
  return [
    { kind: 'title', text: titleOf(document) },
    {
      kind: 'list',
      items: [
        `Status: ${document.status}, SEV${document.severity}`,
        `Began: ${timeText(document.beganAt)}`,
        `Opened: ${timeText(document.openedAt)}${after(document.beganAt, document.openedAt)}`,
        `Resolved: ${document.resolvedAt === null ? 'not yet' : `${timeText(document.resolvedAt)}${after(document.beganAt, document.resolvedAt)}`}`,
        `Services: ${services.join(', ') || 'none named'}`,
        `People: ${people.map(({ name }) => name).join(', ') || 'nobody joined'}`,
        ...(commander === null ? [] : [`Commander: ${commander.name}`]),
        ...(scribe === null ? [] : [`Scribe: ${scribe.name}`]),
      ],
    },
    ...section('Pinned', document.pinned),
    { kind: 'heading', text: 'Summary' },
    { kind: 'open', section: 'summary' },
    ...section('Impact', summary === null ? [] : [`${summary.title} ${summary.impact}`.trim()]),
    ...section('Likely causes', document.causes),
    ...section(
      'Solution',
      solution === null
        ? []
        : [`${solution.title} ${solution.text}`.trim(), `By way of: ${solution.chain.join(' → ')}`],
    ),
    ...section(
      'Timeline',
      document.timeline.map(({ at, what }) => `${timeText(at)} ${what}`),
    ),
    ...section(
      'Deploys around it',
      document.deploys.map(
        ({ at, service, release, deployId }) =>
          `${timeText(at)} ${release} of ${service} (${deployId})`,
      ),
    ),
    ...section(
      'Seen before',
      document.seenBefore.map(
        ({ number, title, worked }) => `Incident #${number}, ${title}; ended with: ${worked}`,
      ),
    ),
    ...section('What was found', standing.map(cardText)),
    ...section('What was ruled out', invalidated.map(cardText)),
    ...chartBlocks(document),
    ...section('Open action items', document.openItems.map(itemText)),
    ...section('Action items that are done', document.doneItems.map(itemText)),
    ...section(
      'Notes',
      document.notes.map(({ by, at, text }) => `${timeText(at)} ${by.name}: ${text}`),
    ),
    { kind: 'heading', text: 'Lessons' },
    { kind: 'open', section: 'lessons' },
    { kind: 'heading', text: 'Follow-ups' },
    { kind: 'open', section: 'follow_ups' },
  ]
}

function after(fromMs: number, toMs: number): string {
  return toMs <= fromMs ? '' : ` (after ${Math.round((toMs - fromMs) / 60_000)} min)`
}

function chartBlocks(document: PostMortem): Block[] {
  return [
    { kind: 'heading', text: 'Charts and queries' },
    ...(document.charts.length === 0 ? [{ kind: 'text', text: NONE } as const] : []),
    ...document.charts.flatMap(({ card, href, sql, from, to }): Block[] => [
      {
        kind: 'list',
        items: [
          [
            card,
            href,
            from === null ? '' : `from ${timeText(from)}`,
            to === null ? '' : `to ${timeText(to)}`,
          ]
            .filter((part) => part !== '')
            .join(', '),
        ],
      },
      ...(sql === '' ? [] : [{ kind: 'code', text: sql } as const]),
    ]),
  ]
}

function cardText({ kind, title, text, state, reason, by, stateBy }: Card): string {
  const parts = [`${kind}: ${title}`, text, `by ${by.name}`]
  if (state === 'confirmed') parts.push(`confirmed by ${stateBy.name}`)
  if (state === 'invalidated') parts.push(`invalidated by ${stateBy.name}: ${reason}`)
  return parts.filter((part) => part !== '').join('; ')
}

function itemText({ text, owner, due }: PostMortem['openItems'][number]): string {
  const until = due === null ? '' : `, due ${timeText(due)}`
  return `${text} (${owner?.name ?? 'nobody yet'}${until})`
}

export function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** What people and logs wrote stays text: no markup, no links, one paragraph. */
export function markdownText(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\`*_[\]<>|~]/g, String.raw`\$&`)
    .replaceAll('://', ':\u200B//')
}

export function htmlText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** Longer than any run of backticks inside, so that nothing gets out of it. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}sql\n${text}\n${fence}`
}
