import { groupInputOf } from '#/processors/domain/grouping/group-input.ts'
import {
  previewRules,
  type PreviewEvent,
  type RulesPreview,
} from '#/processors/domain/grouping/preview.ts'
import { checkRules } from '#/processors/domain/grouping/rule-check.ts'
import type { FingerprintRule } from '#/processors/domain/grouping/fingerprint-rules.ts'
import { wholeNumber } from './grouping-body.ts'
import { wrong } from './params.ts'
import type { GroupingParts } from './ports.ts'

const HOUR_MS = 3_600_000
/** Events a preview looks at unless asked otherwise, and at most: a second's work. */
const EVENTS = { fallback: 5_000, min: 1, max: 20_000 }
const HOURS = { fallback: 24, min: 1, max: 720 }

export interface PreviewWish {
  project: string
  nowMs: number
  body: Readonly<Record<string, unknown>>
}

export function rulesOf(body: Readonly<Record<string, unknown>>): FingerprintRule[] {
  const checked = checkRules(body['rules'])
  if ('rules' in checked) return checked.rules
  throw wrong(checked.problem.path, `${checked.problem.path} ${checked.problem.detail}.`)
}

/** What the rules of the body would change on the newest events. */
export async function previewOf(
  { desk, reads }: GroupingParts,
  { project, nowMs, body }: PreviewWish,
): Promise<RulesPreview> {
  const rules = rulesOf(body)
  const from = nowMs - wholeNumber(body, 'hours', HOURS) * HOUR_MS
  const limit = wholeNumber(body, 'events', EVENTS)
  const rows = await reads.sample({ project, from, to: nowMs + HOUR_MS, limit })
  const events: PreviewEvent[] = rows.map((row) => ({
    service: row.service,
    input: groupInputOf(row),
    issue: row.issue,
    title: row.title,
    rule: row.rule,
  }))
  return previewRules(events, rules, desk.bookOf(project))
}
