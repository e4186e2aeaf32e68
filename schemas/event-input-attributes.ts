import { LIMITS } from './event-input-limits.ts'
import { cut, fail, repaired } from './event-input-draft.ts'
import type { Draft } from './event-input-draft.ts'

/** Attribute values as text, and of which kind they were, so that they can be given back as they came. */
export interface Attributes {
  values: Record<string, string>
  /** number, boolean or json; nothing for text. */
  kinds: Record<string, string>
  count: number
}

export function createAttributes(): Attributes {
  return { values: {}, kinds: {}, count: 0 }
}

/** Adds one attribute. Values that are not text are kept as JSON text with their kind. */
export function addAttribute(
  draft: Draft,
  attributes: Attributes,
  name: string,
  value: unknown,
): void {
  attributes.count += 1
  if (attributes.count > LIMITS.attributesMax) {
    if (draft.failure === undefined) failCount(draft)
    return
  }
  let key = keyOf(draft, name)
  if (key !== name) key = freeName(attributes, key)
  if (typeof value === 'string') {
    attributes.values[key] = readValue(draft, value, name)
    return
  }
  if (value === undefined) return
  if (typeof value === 'number' || typeof value === 'boolean') {
    attributes.values[key] = String(value)
    attributes.kinds[key] = typeof value
    return
  }
  addNested(draft, attributes, { key, name, value })
}

/** A name that is not taken: what stands beside the attributes, or had to be renamed, must not overwrite one. */
export function freeName({ values }: Attributes, name: string): string {
  let free = name
  while (Object.hasOwn(values, free)) free = `event.${free}`
  return free
}

function readValue(draft: Draft, value: string, name: string): string {
  if (value.length <= LIMITS.attributeCharsMax && value.isWellFormed() && !value.includes('\0'))
    return value
  const path = `attributes.${name}`
  return repaired(draft, cut(draft, value, path, LIMITS.attributeCharsMax), path)
}

function addNested(
  draft: Draft,
  attributes: Attributes,
  entry: { key: string; name: string; value: unknown },
): void {
  const path = `attributes.${entry.name}`
  const budget = { values: LIMITS.nestedValuesMax }
  const problem = measure(entry.value, 1, budget)
  if (problem !== '') {
    fail(draft, path, `${path} ${problem}.`, 'Flatten it, or send it as text.')
    return
  }
  const text = JSON.stringify(entry.value)
  const kept = cut(draft, text, path, LIMITS.attributeCharsMax)
  // JSON that lost its end is no JSON any more: it is given back as the text it is.
  if (kept.length === text.length) attributes.kinds[entry.key] = 'json'
  attributes.values[entry.key] = kept
}

/** Why a nested value is refused, empty when it may stay. Stops at the bounds, so hostile input costs little. */
function measure(value: unknown, depth: number, budget: { values: number }): string {
  budget.values -= 1
  if (budget.values < 0) return `holds more than ${LIMITS.nestedValuesMax} values`
  if (typeof value !== 'object' || value === null) return ''
  if (depth > LIMITS.nestingDepthMax) return `is nested deeper than ${LIMITS.nestingDepthMax}`
  for (const name in value) {
    const problem = measure((value as Record<string, unknown>)[name], depth + 1, budget)
    if (problem !== '') return problem
  }
  return ''
}

/** `__proto__` as a plain key would set the prototype instead of a property, here and in every reader. */
function keyOf(draft: Draft, name: string): string {
  if (name.length > LIMITS.attributeNameCharsMax) {
    const shown = name.slice(0, 40)
    fail(
      draft,
      `attributes.${shown}`,
      `The name of an attribute has ${name.length} characters, more than ${LIMITS.attributeNameCharsMax}.`,
      'Put the long part into the value.',
    )
    return shown
  }
  const key = name === '__proto__' ? '_proto_' : name
  return repaired(draft, key, 'attributes')
}

function failCount(draft: Draft): void {
  fail(
    draft,
    'attributes',
    `There are more than ${LIMITS.attributesMax} attributes.`,
    'Nest what belongs together into one attribute, or send several events.',
  )
}

/** Attributes as they were sent: numbers, booleans and nested values again. Text that fails to parse stays text. */
export function restoreAttributes(
  values: Readonly<Record<string, string>>,
  kinds: Readonly<Record<string, string>>,
): Record<string, string | number | boolean | object> {
  const restored: Record<string, string | number | boolean | object> = {}
  for (const [name, text] of Object.entries(values)) {
    const kind = kinds[name]
    if (kind === undefined) restored[name] = text
    else if (kind === 'boolean') restored[name] = text === 'true'
    else if (kind === 'number') restored[name] = Number(text)
    else restored[name] = parsed(text)
  }
  return restored
}

function parsed(text: string): string | number | boolean | object {
  try {
    return JSON.parse(text) as object
  } catch {
    return text
  }
}
