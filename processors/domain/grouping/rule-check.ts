import { RULE_FIELDS, type FingerprintRule, type RuleField } from './fingerprint-rules.ts'

export const RULES_MAX = 200
const GLOB_CHARS_MAX = 500
const PARTS_MAX = 10
const PART_CHARS_MAX = 200
const ID = /^[\w.-]{1,64}$/u
const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/gu

/** What is wrong with rules somebody gave, with the field's path; undefined when nothing is. */
export interface RuleProblem {
  path: string
  detail: string
}

/** Rules as they were given, checked; ids are made from the position where none is given. */
export function checkRules(
  given: unknown,
): { rules: FingerprintRule[]; problem?: undefined } | { problem: RuleProblem } {
  if (!Array.isArray(given)) return { problem: { path: 'rules', detail: 'must be a list' } }
  if (given.length > RULES_MAX)
    return { problem: { path: 'rules', detail: `at most ${RULES_MAX} rules` } }
  const rules: FingerprintRule[] = []
  const ids = new Set<string>()
  for (const [at, one] of given.entries()) {
    const checked = checkRule(one, `rules[${at}]`, `rule-${at + 1}`)
    if ('problem' in checked) return checked
    const id = checked.rule.id ?? ''
    if (ids.has(id)) return { problem: { path: `rules[${at}].id`, detail: `${id} is there twice` } }
    ids.add(id)
    rules.push(checked.rule)
  }
  return { rules }
}

type Checked = { rule: FingerprintRule } | { problem: RuleProblem }
const wrong = (path: string, detail: string): { problem: RuleProblem } => ({
  problem: { path, detail },
})

function checkRule(given: unknown, path: string, defaultId: string): Checked {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return wrong(path, 'must be an object with match and fingerprint')
  const { id = defaultId, match, fingerprint, title, ...rest } = given as Record<string, unknown>
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined)
    return wrong(
      `${path}.${unknown}`,
      'is not a field of a rule: use id, match, fingerprint, title',
    )
  if (typeof id !== 'string' || !ID.test(id))
    return wrong(`${path}.id`, 'must be 1 to 64 letters, digits, dots, dashes or underscores')
  const globs = checkMatch(match, `${path}.match`)
  if ('problem' in globs) return globs
  const parts = checkParts(fingerprint, `${path}.fingerprint`)
  if ('problem' in parts) return parts
  if (title === undefined) return { rule: { id, match: globs.match, fingerprint: parts.parts } }
  const problem = checkText(title, `${path}.title`)
  if (problem !== undefined) return { problem }
  return {
    rule: { id, match: globs.match, fingerprint: parts.parts, title: title as string },
  }
}

function checkMatch(
  given: unknown,
  path: string,
): { match: Partial<Record<RuleField, string>> } | { problem: RuleProblem } {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return wrong(path, `must name fields and globs: ${RULE_FIELDS.join(', ')}`)
  const entries = Object.entries(given)
  if (entries.length === 0) return wrong(path, 'must name at least one field')
  const match: Partial<Record<RuleField, string>> = {}
  for (const [field, glob] of entries) {
    if (!RULE_FIELDS.includes(field as RuleField))
      return wrong(`${path}.${field}`, `is not a field: use ${RULE_FIELDS.join(', ')}`)
    if (typeof glob !== 'string' || glob === '' || glob.length > GLOB_CHARS_MAX)
      return wrong(`${path}.${field}`, `must be a glob of 1 to ${GLOB_CHARS_MAX} characters`)
    match[field as RuleField] = glob
  }
  return { match }
}

function checkParts(given: unknown, path: string): { parts: string[] } | { problem: RuleProblem } {
  if (!Array.isArray(given) || given.length === 0 || given.length > PARTS_MAX)
    return wrong(path, `must be a list of 1 to ${PARTS_MAX} texts`)
  for (const [at, part] of given.entries()) {
    const problem = checkText(part, `${path}[${at}]`)
    if (problem !== undefined) return { problem }
  }
  return { parts: given as string[] }
}

function checkText(given: unknown, path: string): RuleProblem | undefined {
  if (typeof given !== 'string' || given === '' || given.length > PART_CHARS_MAX)
    return { path, detail: `must be text of 1 to ${PART_CHARS_MAX} characters` }
  for (const [, name = ''] of given.matchAll(PLACEHOLDER)) {
    if (name !== 'default' && !RULE_FIELDS.includes(name as RuleField))
      return {
        path,
        detail: `{{${name}}} is not known: use default, ${RULE_FIELDS.join(', ')}`,
      }
  }
  return undefined
}
