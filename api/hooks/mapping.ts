import type { EventInput } from '#/api/ingest/input.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { FIELD_NAMES } from '#/schemas/event-input-fields.ts'
import { HOOK_ITEMS_MAX, notA, valueAt } from './hook.ts'
import type { Drawn, HookDefaults } from './hook.ts'

/** How a payload of any shape becomes events. Paths are names with dots between: `alert.labels.app`. */
export interface HookMapping {
  /** Where the list of things stands; each becomes an event. Empty: the payload is one. */
  items: string
  /** Event field, or attribute, from a path inside the item; `$.` in front begins at the payload. */
  map: Readonly<Record<string, string>>
  /** Event field, or attribute, with a fixed text. */
  set: Readonly<Record<string, string>>
}

/** Texts of severity and whatever else are the door's to understand. */
export function mappedEvents(
  payload: unknown,
  mapping: HookMapping,
  defaults: HookDefaults,
): Drawn {
  const found = valueAt(payload, mapping.items)
  if (mapping.items !== '' && found === undefined)
    throw notA('this mapping', mapping.items, 'Look at the path in `items`.')
  const items = (Array.isArray(found) ? found : [found]) as unknown[]
  const drawn: Drawn = { events: [], skipped: [] }
  for (const item of items.slice(0, HOOK_ITEMS_MAX))
    drawn.events.push(mappedEvent(item, { payload, mapping, defaults }))
  if (items.length > HOOK_ITEMS_MAX)
    drawn.skipped.push(`${items.length - HOOK_ITEMS_MAX} items beyond ${HOOK_ITEMS_MAX}`)
  return drawn
}

const FIELDS: ReadonlySet<string> = new Set(FIELD_NAMES)

function mappedEvent(
  item: unknown,
  about: { payload: unknown; mapping: HookMapping; defaults: HookDefaults },
): EventInput {
  const { payload, mapping, defaults } = about
  const event: EventInput = { event_type: 'custom' }
  if (defaults.service !== '') event['service'] = defaults.service
  if (defaults.environment !== '') event['environment'] = defaults.environment
  const attributes: EventInput = {}
  const put = (name: string, value: unknown): void => {
    if (value === undefined || value === null) return
    if (FIELDS.has(name) && name !== 'attributes') event[name] = fieldValue(name, value)
    else attributes[name.replace(/^attributes\./, '')] = value
  }
  for (const [name, text] of Object.entries(mapping.set)) put(name, text)
  for (const [name, path] of Object.entries(mapping.map)) {
    const isFromTop = path.startsWith('$.')
    put(name, isFromTop ? valueAt(payload, path.slice(2)) : valueAt(item, path))
  }
  // Without a mapping the payload itself is what there is to see.
  if (Object.keys(mapping.map).length === 0) attributes['payload'] = textOf(item)
  return { ...event, attributes }
}

/** Lists and objects where a text belongs are shown as they are. */
function fieldValue(name: string, value: unknown): unknown {
  return typeof value === 'object' && name !== 'tags' && name !== 'stack' ? textOf(value) : value
}

const textOf = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, 8_000)

/** `field=path,field=path` of an address. Fails with `invalid_request` that names the part. */
export function readPairs(parts: readonly string[], name: string): Record<string, string> {
  const pairs: Record<string, string> = {}
  for (const part of parts) {
    const equals = part.indexOf('=')
    if (equals < 1)
      throw new FaultlineError(
        'invalid_request',
        `${name} takes field=value, not ${part.slice(0, 60)}.`,
        {
          path: name,
          remedy: `For example ${name}=${name === 'map' ? 'message=alert.text' : 'event_type=error'}.`,
        },
      )
    pairs[part.slice(0, equals).trim()] = part.slice(equals + 1).trim()
  }
  return pairs
}

/** A file of mappings by name; a `config_invalid` names the place that is wrong. */
export function parseMappings(value: unknown): ReadonlyMap<string, HookMapping> {
  const mappings = new Map<string, HookMapping>()
  for (const [name, entry] of Object.entries(objectAt(value, '$'))) {
    const fields = objectAt(entry, `$.${name}`)
    const unknown = Object.keys(fields).find((field) => !['items', 'map', 'set'].includes(field))
    if (unknown !== undefined)
      throw wrong(`$.${name}.${unknown}`, 'is not known; use items, map, set')
    const items = fields['items'] ?? ''
    if (typeof items !== 'string') throw wrong(`$.${name}.items`, 'must be a path')
    mappings.set(name, {
      items,
      map: textsAt(fields['map'], `$.${name}.map`),
      set: textsAt(fields['set'], `$.${name}.set`),
    })
  }
  return mappings
}

function objectAt(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw wrong(path, 'must be an object')
}

function textsAt(value: unknown, path: string): Record<string, string> {
  const fields = value === undefined ? {} : objectAt(value, path)
  for (const [name, text] of Object.entries(fields))
    if (typeof text !== 'string') throw wrong(`${path}.${name}`, 'must be a text')
  return fields as Record<string, string>
}

function wrong(path: string, problem: string): FaultlineError {
  return new FaultlineError('config_invalid', `hook mappings: ${path} ${problem}`, { path })
}
