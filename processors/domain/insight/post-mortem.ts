import { plainText } from '#/processors/domain/ai-evidence/sql-text.ts'
import type { JsonSchema } from '#/processors/domain/ai-evidence/json-schema.ts'
import { beganAt } from '#/schemas/incident.ts'
import type { Insight } from '#/schemas/records.ts'
import type { IncidentDetail } from '#/schemas/view.ts'

/** Sections a model may fill. Everything else of a draft is written by rules and stays as it is, byte for byte. */
export const OPEN_SECTIONS = ['summary', 'lessons', 'follow_ups'] as const
export type OpenSection = (typeof OPEN_SECTIONS)[number]

const PLACEHOLDER: Readonly<Record<OpenSection, string>> = {
  summary: '_Two or three sentences for a reader who was not there._',
  lessons: '_What went well, what did not, where we were lucky._',
  follow_ups: '_What will be changed, by whom, until when._',
}
const SECTION_CHARS_MAX = 1_500
const STEPS_MAX = 60

export const POST_MORTEM_SCHEMA: JsonSchema = {
  type: 'object',
  properties: Object.fromEntries(
    OPEN_SECTIONS.map(
      (name) => [name, { type: 'string', minLength: 1, maxLength: SECTION_CHARS_MAX }] as const,
    ),
  ),
  required: OPEN_SECTIONS,
  additionalProperties: false,
}

const begin = (section: OpenSection): string => `<!-- open:${section} -->`
const end = (section: OpenSection): string => `<!-- /open:${section} -->`

/** Text in Markdown that stays text. */
function safe(text: string, charsMax = 300): string {
  return plainText(text, charsMax).replaceAll(/[\\`*_{}[\]<>()#+!|~-]/g, (char) => `\\${char}`)
}

const time = (ms: number | null): string =>
  ms === null ? '–' : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`

function minutes(fromMs: number, toMs: number): string {
  return `${Math.max(0, Math.round((toMs - fromMs) / 60_000))} min`
}

const open = (section: OpenSection): string[] => [
  begin(section),
  PLACEHOLDER[section],
  end(section),
]

const list = (items: readonly string[], none: string): string[] =>
  items.length === 0 ? [none] : items.map((item) => `- ${item}`)

/** The draft: everything that is known, in words; the same incident gives the same bytes. */
export function postMortemDraft(detail: IncidentDetail, rules: Insight): string {
  const { incident, similar, deploys } = detail
  const past = similar.filter(({ worked }) => worked.length > 0)
  return [
    ...headOf(detail),
    '## Summary',
    '',
    ...open('summary'),
    '',
    '## Impact',
    '',
    safe(rules.impact, 600),
    '',
    '## Causes',
    '',
    ...list(
      rules.likely_causes.map((one) => safe(one, 600)),
      'Not known.',
    ),
    '',
    '## Timeline',
    '',
    ...list(
      incident.timeline
        .slice(0, STEPS_MAX)
        .map((step) => `${time(step.at)}: ${safe(step.sentence, 400)}`),
      'Nothing was recorded.',
    ),
    '',
    '## Deploys around it',
    '',
    ...list(
      deploys.map(
        (one) =>
          `${time(one.at)}: ${safe(one.release)} of ${safe(one.service)} (${safe(one.deploy_id)})`,
      ),
      'None.',
    ),
    '',
    '## Seen before',
    '',
    ...list(
      past.map(
        (one) =>
          `Incident ${one.number}, ${safe(one.title)}; ended with: ${safe(one.worked[0] ?? '')}`,
      ),
      'No incident with a confirmed solution resembles it.',
    ),
    '',
    '## Lessons',
    '',
    ...open('lessons'),
    '',
    '## Follow-ups',
    '',
    ...open('follow_ups'),
    '',
  ].join('\n')
}

function headOf({ incident }: IncidentDetail): string[] {
  const began = beganAt(incident)
  const ended = incident.resolvedAt
  return [
    `# Post-mortem: incident ${incident.number}, ${safe(incident.title)}`,
    '',
    '| | |',
    '| --- | --- |',
    `| Severity | SEV${incident.severity.level} (score ${incident.severity.score}) |`,
    `| Began | ${time(began)} |`,
    `| Noticed | ${time(incident.openedAt)} (after ${minutes(began, incident.openedAt)}) |`,
    `| Resolved | ${time(ended)}${ended === null ? '' : ` (after ${minutes(began, ended)})`} |`,
    `| Services | ${incident.services.map((one) => safe(one)).join(', ')} |`,
    '',
  ]
}

/** Puts texts into the open sections and nowhere else. What a model wrote is marked as its words. */
export function fillSections(
  draft: string,
  texts: Readonly<Partial<Record<OpenSection, string>>>,
  author: string,
): string {
  let filled = draft
  for (const section of OPEN_SECTIONS) {
    const text = texts[section]
    if (text === undefined) continue
    const from = filled.indexOf(begin(section)) + begin(section).length
    const to = filled.indexOf(end(section))
    if (from < begin(section).length || to < from) continue
    const words = `> ${safe(text, SECTION_CHARS_MAX)}\n>\n> _Drafted by ${safe(author)}; check before you publish._`
    filled = `${filled.slice(0, from)}\n${words}\n${filled.slice(to)}`
  }
  return filled
}
