import type { EventView } from '#lib/contract.ts'
import { FILTER_FIELDS } from '#lib/explore/query.ts'
import { eventName } from '#lib/severity.ts'
import { absolute } from '#lib/time/format.ts'

export interface FieldRow {
  name: string
  value: string
  /** Name of the filter of Explore that keeps only this value; '' where there is none. */
  filter: string
}

/** Shown elsewhere, or of no use to a reader. */
const HIDDEN = new Set(['stack', 'message', 'attributes', 'params', 'project', 'tags', 'flags'])

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** All fields an event has, empty ones left out: the envelope first, then attributes, then variables. */
export function eventFields(event: EventView): readonly FieldRow[] {
  const rows: FieldRow[] = []
  for (const [name, value] of Object.entries(event)) {
    if (HIDDEN.has(name) || value === '' || value === null || value === 0 || value === undefined)
      continue
    const shown = name.endsWith('_at')
      ? absolute(Number(value))
      : name === 'severity'
        ? `${text(value)} ${eventName(Number(value))}`
        : text(value)
    rows.push({ name, value: shown, filter: name in FILTER_FIELDS ? text(value) : '' })
  }
  for (const name of ['tags', 'flags'] as const) {
    if (event[name].length > 0) rows.push({ name, value: event[name].join(', '), filter: '' })
  }
  for (const [kind, values] of [
    ['attributes', event.attributes],
    ['params', event.params],
  ] as const) {
    for (const [name, value] of Object.entries(values)) {
      rows.push({ name: `${kind}.${name}`, value: text(value), filter: '' })
    }
  }
  return rows
}
