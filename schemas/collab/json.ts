/** Plain data, as it travels and as it is kept. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }
export type JsonObject = Readonly<Record<string, Json>>

/** JSON with sorted keys: equal data has equal text, whoever built it and in whatever order. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const object = value as Readonly<Record<string, unknown>>
  const parts: string[] = []
  for (const key of Object.keys(object).toSorted())
    if (object[key] !== undefined)
      parts.push(`${JSON.stringify(key)}:${canonicalJson(object[key])}`)
  return `{${parts.join(',')}}`
}

/**
 * Two independent 32-bit lanes over UTF-16 units, as sixteen hex digits. It says whether two copies of a room are
 * the same, in the browser as on the server; it proves nothing against somebody who wants a collision.
 */
export function hashText(text: string): string {
  let left = 0x811c9dc5
  let right = 0x9e3779b9
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    left = Math.imul(left ^ unit, 0x01000193)
    right = Math.imul(right ^ unit, 0x85ebca6b)
    right ^= right >>> 13
  }
  return hex(left ^ (right >>> 16)) + hex(right ^ (left >>> 15))
}

const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0')
