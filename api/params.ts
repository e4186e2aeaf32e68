import { FaultlineError } from '#/kernel/errors.ts'
import { parseTime } from '#/schemas/event-input-time.ts'

/** One query parameter: how it is read, and how the API's own description shows it. */
export interface Param<T> {
  about: string
  /** JSON Schema of one value, for the OpenAPI document. */
  schema: Readonly<Record<string, unknown>>
  /** May stand several times; commas separate values too. */
  isList?: boolean
  /** `values` is empty when the parameter is missing. Throws `invalid_request` with the path. */
  read(values: readonly string[], context: ParamContext): T
}

interface ParamContext {
  name: string
  nowMs: number
}

export type Params = Readonly<Record<string, Param<unknown>>>
export type ParamValues<P extends Params> = {
  readonly [K in keyof P]: P[K] extends Param<infer T> ? T : never
}

/** Reads all parameters of a route; names it does not know are refused, so that no filter is lost to a typo. */
export function readParams<P extends Params>(
  specs: P,
  query: Readonly<Record<string, unknown>>,
  nowMs: number,
): ParamValues<P> {
  for (const name in query) {
    if (Object.hasOwn(specs, name)) continue
    const known = Object.keys(specs).join(', ') || 'none'
    throw wrong(name, `There is no parameter ${name.slice(0, 60)}.`, `Known ones: ${known}.`)
  }
  const values: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(specs)) {
    const given = query[name]
    const texts = (Array.isArray(given) ? given : given === undefined ? [] : [given]) as string[]
    if (texts.length > 1 && spec.isList !== true)
      throw wrong(name, `${name} may stand only once.`, 'Leave one out.')
    values[name] = spec.read(texts, { name, nowMs })
  }
  return values as ParamValues<P>
}

export function wrong(path: string, detail: string, remedy?: string): FaultlineError {
  return new FaultlineError(
    'invalid_request',
    detail,
    remedy === undefined ? { path } : { path, remedy },
  )
}

const TEXT_CHARS_MAX = 1_000
const LIST_MAX = 100

export function text(about: string, charsMax = TEXT_CHARS_MAX): Param<string> {
  return {
    about,
    schema: { type: 'string', maxLength: charsMax },
    read: ([value = ''], { name }) => checkedText(value, name, charsMax),
  }
}

function checkedText(value: string, name: string, charsMax: number): string {
  if (value.length > charsMax)
    throw wrong(name, `${name} has more than ${charsMax} characters.`, 'Shorten it.')
  return value.toWellFormed().replaceAll('\0', '\uFFFD')
}

/** Values separated by commas or by repeating the parameter; empty when missing. */
export function list(about: string): Param<readonly string[]> {
  return {
    about,
    isList: true,
    schema: { type: 'string' },
    read(values, { name }) {
      const all = values.flatMap((value) => value.split(',')).filter((value) => value !== '')
      if (all.length > LIST_MAX)
        throw wrong(name, `${name} has more than ${LIST_MAX} values.`, 'Leave some out.')
      return all.map((value) => checkedText(value, name, TEXT_CHARS_MAX))
    },
  }
}

export function oneOf<T extends string>(about: string, all: readonly T[], fallback: T): Param<T> {
  return {
    about,
    schema: { type: 'string', enum: all, default: fallback },
    read([value], { name }) {
      if (value === undefined || value === '') return fallback
      const found = all.find((known) => known === value)
      if (found === undefined) throw wrong(name, `${name} is not known.`, `Use ${all.join(', ')}.`)
      return found
    },
  }
}

export function manyOf<T extends string>(about: string, all: readonly T[]): Param<readonly T[]> {
  const inner = list(about)
  return {
    about,
    isList: true,
    schema: { type: 'string', enum: all },
    read: (values, context) =>
      inner.read(values, context).map((value) => {
        const found = all.find((known) => known === value)
        if (found !== undefined) return found
        throw wrong(context.name, `${context.name} is not known.`, `Use ${all.join(', ')}.`)
      }),
  }
}

export function wholeNumber(
  about: string,
  bounds: { min: number; max: number; fallback: number },
): Param<number> {
  const { min, max, fallback } = bounds
  return {
    about,
    schema: { type: 'integer', minimum: min, maximum: max, default: fallback },
    read([value], { name }) {
      if (value === undefined || value === '') return fallback
      const number = Number(value)
      if (Number.isInteger(number) && number >= min && number <= max) return number
      throw wrong(name, `${name} must be a whole number from ${min} to ${max}.`)
    },
  }
}

export function wholeNumbers(
  about: string,
  bounds: { min: number; max: number },
): Param<readonly number[]> {
  const inner = list(about)
  return {
    about,
    isList: true,
    schema: { type: 'integer', minimum: bounds.min, maximum: bounds.max },
    read: (values, context) =>
      inner.read(values, context).map((value) => {
        const number = Number(value)
        if (Number.isInteger(number) && number >= bounds.min && number <= bounds.max) return number
        const range = `whole numbers from ${bounds.min} to ${bounds.max}`
        throw wrong(context.name, `${context.name} must be ${range}.`)
      }),
  }
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** RFC 3339, milliseconds since the epoch, `now`, or an age: `-15m`, `-1h`, `-7d`. */
export function time<T extends number | null>(
  about: string,
  fallback: (nowMs: number) => T,
): Param<number | T> {
  return {
    about: `${about} RFC 3339, epoch ms, \`now\`, or an age such as \`-15m\`, \`-1h\`, \`-7d\`.`,
    schema: { type: 'string' },
    read([value], { name, nowMs }) {
      if (value === undefined || value === '') return fallback(nowMs)
      if (value === 'now') return nowMs
      const age = /^-(\d{1,6})([smhdw])$/.exec(value)
      if (age !== null) return nowMs - Number(age[1]) * (UNIT_MS[age[2] ?? ''] ?? 0)
      // A plus sign in a query string means a blank, so an unescaped +02:00 arrives as one.
      const parsed = parseTime(value.replace(/ (\d{2}:\d{2})$/, '+$1'))
      if (parsed !== undefined) return parsed.ms
      throw wrong(name, `${name} is not a time.`, 'Use 2026-01-31T02:30:00Z, epoch ms, now or -1h.')
    },
  }
}
