import { readFileSync } from 'node:fs'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { FingerprintRule } from '#/processors/domain/grouping/fingerprint-rules.ts'
import type { RulesPreview } from '#/processors/domain/grouping/preview.ts'
import { operatorCommand, print, table, type Ask } from './operate.ts'
import type { OptionSpec, OptionValues } from './options.ts'

const PROJECT: OptionSpec = {
  name: 'project',
  type: 'text',
  default: 'default',
  value: 'project',
  about: 'the project whose rules they are',
}
const REASON: OptionSpec = {
  name: 'reason',
  type: 'text',
  value: 'text',
  about: 'why: it is shown in the history of the issues it changes',
}
const NEW_EVENTS_ONLY: OptionSpec = {
  name: 'new-events-only',
  type: 'flag',
  about: 'leave past events where they are',
}
const LOOK: readonly OptionSpec[] = [
  { name: 'hours', type: 'number', default: 24, value: 'hours', about: 'how far back to look' },
  { name: 'events', type: 'number', default: 5000, value: 'count', about: 'events to look at' },
]

interface Rules {
  revision: number
  rules: readonly FingerprintRule[]
}

const inProject = (path: string, given: OptionValues): string =>
  `${path}?project=${encodeURIComponent(String(given['project'] ?? 'default'))}`

const rulesNow = async (ask: Ask, given: OptionValues): Promise<Rules> =>
  (await ask('GET', inProject('/api/grouping/rules', given))) as Rules

/** A file with the list of all rules, in the order in which they are tried. */
function readRules(path: string | undefined): unknown {
  if (path === undefined)
    throw new FaultlineError('usage', 'name a JSON file with the list of rules', {
      remedy: 'begin with: faultline rules list --json > rules.json',
    })
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'))
    const isAnswer = typeof content === 'object' && content !== null && 'rules' in content
    return isAnswer ? content.rules : content
  } catch (error) {
    throw new FaultlineError('usage', `${path} cannot be read as JSON: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function rulesText({ rules, revision }: Rules): string {
  if (rules.length === 0) return `no rules (revision ${revision})\n`
  const rows = rules.map(({ id = '', match, fingerprint, title = '' }) => [
    id,
    Object.entries(match)
      .map(([field, glob]) => `${field}=${glob}`)
      .join(' '),
    fingerprint.join(' · '),
    title,
  ])
  return table(['id', 'match', 'fingerprint', 'title'], rows)
}

function previewText(preview: RulesPreview): string {
  const { events, issues_before: before, issues_after: after, matched, merged, split } = preview
  const lines = [`${events} events: ${before} issues now, ${after} with these rules`]
  for (const rule of matched) lines.push(`  ${rule.id} takes ${rule.events} events`)
  for (const { into, from } of merged) {
    lines.push(`one issue, ${into.events} events: ${into.title}`)
    for (const source of from) lines.push(`  from ${source.events} events: ${source.title}`)
  }
  for (const { issue, into } of split) {
    lines.push(`falls apart, ${issue.events} events: ${issue.title}`)
    for (const part of into) lines.push(`  ${part.events} events: ${part.title}`)
  }
  return `${lines.join('\n')}\n`
}

async function save(ask: Ask, given: OptionValues, rules: unknown): Promise<string> {
  const { revision } = await rulesNow(ask, given)
  const answer = (await ask('POST', inProject('/api/grouping/rules', given), {
    rules,
    revision,
    reason: given['reason'] ?? '',
    retroactive: given['new-events-only'] !== true,
  })) as { id: string; revision: number }
  return `saved as ${answer.id}, revision ${answer.revision}\n`
}

export const rulesCommand = operatorCommand(
  'rules',
  'Fingerprint rules: which events are one issue, whatever else would decide.',
  {
    list: {
      usage: 'list [--project default]',
      options: [PROJECT],
      async run({ ask, given, io }) {
        const answer = await rulesNow(ask, given)
        return print(io, given, answer, () => rulesText(answer))
      },
    },
    preview: {
      usage: 'preview FILE [--hours 24] [--events 5000]   (what would change; nothing is saved)',
      options: [PROJECT, ...LOOK],
      async run({ ask, given, positional, io }) {
        const answer = (await ask('POST', inProject('/api/grouping/rules/preview', given), {
          rules: readRules(positional[0]),
          hours: given['hours'],
          events: given['events'],
        })) as RulesPreview
        return print(io, given, answer, () => previewText(answer))
      },
    },
    save: {
      usage: 'save FILE --reason TEXT [--new-events-only]',
      options: [PROJECT, REASON, NEW_EVENTS_ONLY],
      async run({ ask, given, positional, io }) {
        const answer = await save(ask, given, readRules(positional[0]))
        return print(io, given, { saved: answer.trim() }, () => answer)
      },
    },
    remove: {
      usage: 'remove ID --reason TEXT',
      options: [PROJECT, REASON],
      async run({ ask, given, positional, io }) {
        const { rules } = await rulesNow(ask, given)
        const kept = rules.filter(({ id }) => id !== positional[0])
        if (kept.length === rules.length)
          throw new FaultlineError('usage', `there is no rule ${positional[0] ?? ''}`, {
            remedy: 'see: faultline rules list',
          })
        const answer = await save(ask, given, kept)
        return print(io, given, { saved: answer.trim() }, () => answer)
      },
    },
  },
)
