import { matchesGlob } from './glob.ts'

type RuleField = 'message' | 'error_type' | 'error_code' | 'route' | 'environment' | 'stack'

/**
 * A user's rule: when every glob matches, `fingerprint` is the group. A part may name a field of the event
 * (`{{route}}`); `{{default}}` is the fingerprint the event would have had.
 */
export interface FingerprintRule {
  match: Partial<Record<RuleField, string>>
  fingerprint: readonly string[]
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

const PLACEHOLDER = /\{\{\s*(\w+)\s*\}\}/gu

export function expandRule(
  rule: FingerprintRule,
  input: RuleInput,
  fallback: () => string,
): string[] {
  return rule.fingerprint.map((part) =>
    part.replaceAll(PLACEHOLDER, (_, name: string) =>
      name === 'default' ? fallback() : (input[name as RuleField] ?? ''),
    ),
  )
}
