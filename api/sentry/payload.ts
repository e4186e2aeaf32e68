/** Reading what an SDK sent without trusting any of it: what is of another shape is as if it were missing. */

export type Fields = Readonly<Record<string, unknown>>
const NO_FIELDS: Fields = Object.freeze({})

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : NO_FIELDS
}

/** A list, also where it stands in `values`. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[]
  const { values } = fieldsOf(value)
  return Array.isArray(values) ? (values as readonly unknown[]) : []
}

/** Seconds since the epoch, or RFC 3339, as the door takes times; undefined when it is neither. */
export function timeOf(value: unknown): number | string | undefined {
  if (typeof value === 'number' && value > 0) return Math.floor(value * 1000)
  if (typeof value !== 'string' || value === '') return undefined
  return /^\d+(\.\d+)?$/.test(value) ? Math.floor(Number(value) * 1000) : value
}

/** Names and values, from an object or a list of pairs. */
export function pairsOf(value: unknown): (readonly [string, unknown])[] {
  if (!Array.isArray(value)) return Object.entries(fieldsOf(value))
  return (value as readonly unknown[]).flatMap((pair) => {
    if (!Array.isArray(pair)) return []
    const [name, held] = pair as readonly unknown[]
    return typeof name === 'string' ? [[name, held] as const] : []
  })
}

/** Names whose values are secrets, wherever an application put them. */
const SECRET = /pass(?:word|wd)?|secret|token|authorization|cookie|api[-_]?key|credit[-_]?card/i

export function isSecretName(name: string): boolean {
  return SECRET.test(name)
}

const TEXT_CHARS_MAX = 4_000
const DEPTH_MAX = 8

/** A value for an attribute: what is nested deeply, or is long, becomes text, since the door would refuse the event. */
export function attributeValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const text = JSON.stringify(value)
  return text.length <= TEXT_CHARS_MAX && depthOf(value, DEPTH_MAX) < DEPTH_MAX
    ? value
    : text.slice(0, TEXT_CHARS_MAX)
}

function depthOf(value: unknown, rest: number): number {
  if (typeof value !== 'object' || value === null || rest === 0) return 0
  let deepest = 0
  for (const inner of Object.values(value)) deepest = Math.max(deepest, depthOf(inner, rest - 1))
  return deepest + 1
}

/** Of this many characters, since longer names are refused. */
const NAME_CHARS_MAX = 200

export function attributeName(name: string): string {
  return name.slice(0, NAME_CHARS_MAX)
}
