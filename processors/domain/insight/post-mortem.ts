import { plainText } from '#/processors/domain/ai-evidence/sql-text.ts'
import type { JsonSchema } from '#/processors/domain/ai-evidence/json-schema.ts'
import { beginOf, endOf, OPEN_SECTIONS } from '#/schemas/collab/open-sections.ts'
import type { OpenSection } from '#/schemas/collab/open-sections.ts'

const SECTION_CHARS_MAX = 1_500

/** What a model answers with: a text for each open section. */
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

/** Text in Markdown that stays text. */
function safe(text: string, charsMax: number): string {
  return plainText(text, charsMax).replaceAll(/[\\`*_{}[\]<>()#+!|~-]/g, (char) => `\\${char}`)
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
    const from = filled.indexOf(beginOf(section)) + beginOf(section).length
    const to = filled.indexOf(endOf(section))
    if (from < beginOf(section).length || to < from) continue
    const words = `> ${safe(text, SECTION_CHARS_MAX)}\n>\n> _Drafted by ${safe(author, 300)}; check before you publish._`
    filled = `${filled.slice(0, from)}\n${words}\n${filled.slice(to)}`
  }
  return filled
}
