import { fillPlaceholders, type RuleInput } from './fingerprint-rules.ts'

/** The attribute in which a sender says how it groups an event: an array of texts. */
export const SENT_FINGERPRINT = 'fingerprint'

const PARTS_MAX = 16
const PART_CHARS_MAX = 512
const DEFAULT = /^\{\{\s*default\s*\}\}$/u

/**
 * Reads the attribute. Undefined when it says nothing of its own: not an array, empty, or only `{{ default }}`.
 * Numbers count as their text; other parts are left out, as are parts beyond the bounds.
 */
export function readSent(attribute: string | undefined): readonly string[] | undefined {
  if (attribute === undefined || !attribute.startsWith('[')) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(attribute)
  } catch {
    // A text that happens to begin like an array.
    return undefined
  }
  if (!Array.isArray(parsed)) return undefined
  const parts = parsed
    .slice(0, PARTS_MAX)
    .filter((part) => typeof part === 'string' || typeof part === 'number')
    .map((part) => String(part).slice(0, PART_CHARS_MAX))
  return parts.every((part) => DEFAULT.test(part)) ? undefined : parts
}

/** Sentry's names for what the rules call otherwise. */
const NAMES: Readonly<Record<string, string>> = {
  'error.type': 'error_type',
  'error.value': 'message',
  type: 'error_type',
  value: 'message',
  transaction: 'route',
}

/** `{{ default }}` becomes the group the event would have had, other placeholders the field they name. */
export function expandSent(
  sent: readonly string[],
  input: RuleInput,
  fallback: () => string,
): string[] {
  return sent.map((part) => fillPlaceholders(part, input, { fallback, names: NAMES }))
}
