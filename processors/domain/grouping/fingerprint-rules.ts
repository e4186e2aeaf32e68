import { matchesGlob } from './glob.ts'

export const RULE_FIELDS = [
  'service',
  'environment',
  'message',
  'error_type',
  'error_code',
  'route',
  'stack',
] as const
export type RuleField = (typeof RULE_FIELDS)[number]

/**
 * A user's rule: when every glob matches, `fingerprint` is the group. A part may name a field of the event
 * (`{{route}}`); `{{default}}` is the fingerprint the event would have had.
 */
export interface FingerprintRule {
  /** Unique among the rules of a project; shown wherever the rule decided. */
  id?: string
  match: Partial<Record<RuleField, string>>
  fingerprint: readonly string[]
  /** Title of the issue, with the same placeholders. */
  title?: string
}

export type RuleInput = Partial<Record<RuleField, string>>

/** Characters of a field a glob is tried on. */
const MATCHED_CHARS_MAX = 8192

/** The first rule that matches; a rule without globs never does. */
export function findRule(
  rules: readonly FingerprintRule[],
  input: RuleInput,
): FingerprintRule | undefined {
  return rules.find((rule) => {
    const globs = Object.entries(rule.match)
    return (
      globs.length > 0 &&
      globs.every(([field, glob]) => {
        const value = input[field as RuleField]
        return value !== undefined && matchesGlob(glob, value.slice(0, MATCHED_CHARS_MAX))
      })
    )
  })
}

const PLACEHOLDER = /\{\{\s*([\w.]+)\s*\}\}/gu

export function expandRule(
  rule: FingerprintRule,
  input: RuleInput,
  fallback: () => string,
): string[] {
  return rule.fingerprint.map((part) => fillPlaceholders(part, input, { fallback }))
}

export function titleOfRule(rule: FingerprintRule, input: RuleInput): string | undefined {
  return rule.title === undefined
    ? undefined
    : fillPlaceholders(rule.title, input, { fallback: () => '' })
}

/** Puts fields of the event where `{{name}}` stands; a field the event lacks is empty. */
export function fillPlaceholders(
  text: string,
  input: RuleInput,
  given: { fallback: () => string; names?: Readonly<Record<string, string>> },
): string {
  return text.replaceAll(PLACEHOLDER, (_, name: string) =>
    name === 'default'
      ? given.fallback()
      : (input[(given.names?.[name] ?? name) as RuleField] ?? ''),
  )
}
