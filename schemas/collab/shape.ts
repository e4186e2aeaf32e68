/** Checks of data from outside. A shape returns what it accepts, anew, so that nothing unknown slips through. */
export type Shape<T> = (value: unknown, path: string) => T

/** Names the place that is wrong, as `payload.card.title`. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
  readonly path: string

  constructor(path: string, message: string) {
    super(message)
    this.path = path
  }
}

export type Checked<T> = { ok: true; value: T } | { ok: false; path: string; reason: string }

export function check<T>(shape: Shape<T>, value: unknown, path: string): Checked<T> {
  try {
    return { ok: true, value: shape(value, path) }
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
    return { ok: false, path: error.path, reason: error.message }
  }
}

function fail(path: string, message: string): never {
  throw new ShapeError(path, `${path} ${message}`)
}

interface TextBounds {
  charsMin?: number
  charsMax: number
}

export function text({ charsMin = 0, charsMax }: TextBounds): Shape<string> {
  return (value, path) => {
    if (typeof value !== 'string') return fail(path, 'must be text')
    if (value.length > charsMax) return fail(path, `has more than ${charsMax} characters`)
    // Half a surrogate pair or a zero byte would not survive every store it goes through.
    const clean = value.toWellFormed().replaceAll('\0', '\uFFFD')
    if (clean.trim().length < charsMin) return fail(path, 'must not be empty')
    return clean
  }
}

export function matching(pattern: RegExp, rule: string): Shape<string> {
  return (value, path) =>
    typeof value === 'string' && pattern.test(value) ? value : fail(path, `must be ${rule}`)
}

const ID = /^[A-Za-z0-9_-]{1,64}$/

/** Made by the client, so that what it shows before the answer comes has a name already. */
export const id = matching(ID, '1 to 64 characters of A-Z a-z 0-9 _ -')

export const flag: Shape<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : fail(path, 'must be true or false')

export function number(bounds: { min: number; max: number }): Shape<number> {
  const { min, max } = bounds
  return (value, path) =>
    typeof value === 'number' && value >= min && value <= max
      ? value
      : fail(path, `must be a number from ${min} to ${max}`)
}

export function whole(bounds: { min: number; max: number }): Shape<number> {
  const inner = number(bounds)
  return (value, path) =>
    Number.isInteger(value) ? inner(value, path) : fail(path, 'must be a whole number')
}

export function oneOf<const T extends string | number>(all: readonly T[]): Shape<T> {
  return (value, path) =>
    all.find((known) => known === value) ?? fail(path, `must be one of ${all.join(', ')}`)
}

export function list<T>(
  item: Shape<T>,
  bounds: { min?: number; max: number },
): Shape<readonly T[]> {
  const { min = 0, max } = bounds
  return (value, path) => {
    if (!Array.isArray(value)) return fail(path, 'must be a list')
    if (value.length < min || value.length > max)
      return fail(path, `must have ${min} to ${max} entries`)
    return value.map((entry, index) => item(entry, `${path}[${index}]`))
  }
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, path) => (value === null ? null : shape(value, path))
}

export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value, path) => (value === undefined ? undefined : shape(value, path))
}

type Shapes = Readonly<Record<string, Shape<unknown>>>
export type ShapeOf<S> = S extends Shape<infer T> ? T : never
type IsOptional<T> = undefined extends T ? true : false
/** What may be left out, may be left out of the type. */
export type Fields<S extends Shapes> = {
  readonly [K in keyof S as IsOptional<ShapeOf<S[K]>> extends true ? never : K]: ShapeOf<S[K]>
} & {
  readonly [K in keyof S as IsOptional<ShapeOf<S[K]>> extends true ? K : never]?:
    | ShapeOf<S[K]>
    | undefined
}

/** Fields it does not know are refused: a misspelt one would else be lost without a word. */
export function object<S extends Shapes>(shapes: S): Shape<Fields<S>> {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return fail(path, 'must be an object')
    const given = value as Readonly<Record<string, unknown>>
    for (const key of Object.keys(given))
      if (!Object.hasOwn(shapes, key)) return fail(`${path}.${key.slice(0, 40)}`, 'is not known')
    const made: Record<string, unknown> = {}
    for (const [key, shape] of Object.entries(shapes)) {
      const checked = shape(given[key], `${path}.${key}`)
      if (checked !== undefined) made[key] = checked
    }
    return made as Fields<S>
  }
}
