/** An event as it is given to the door. */
export type EventInput = Record<string, unknown>

/** What has a plain text; everything else is as if it were missing. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

/** Fields that are not empty. */
export function given(fields: Readonly<Record<string, string>>): EventInput {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))
}
