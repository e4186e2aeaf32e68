import { FaultlineError } from '#/kernel/errors.ts'
import { nearestName } from './options.ts'

export function wrongAt(path: string, what: string, remedy?: string): FaultlineError {
  const options = remedy === undefined ? { path } : { path, remedy }
  return new FaultlineError('config_invalid', `${path} ${what}`, options)
}

/** The fields of one object of a configuration; every mistake is told with its path. */
export interface CheckedObject {
  path: string
  has(name: string): boolean
  text(name: string, fallback?: string): string
  number(name: string, rest: { min: number; max: number; fallback: number }): number
  oneOf<T extends string>(name: string, known: readonly T[], fallback?: T): T
  texts(name: string): readonly string[]
  objects<T>(name: string, parse: (value: unknown, path: string) => T): readonly T[]
  raw(name: string): unknown
}

/** Fails with `config_invalid` for anything but an object, and for a name it does not know. */
export function checkedObject(
  value: unknown,
  path: string,
  known: readonly string[],
): CheckedObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongAt(path, 'must be an object')
  const fields = new Map(Object.entries(value))
  for (const name of fields.keys()) {
    if (known.includes(name)) continue
    const nearest = nearestName(name, known)
    const remedy =
      nearest === undefined ? `Known: ${known.join(', ')}.` : `Did you mean ${nearest}?`
    throw wrongAt(`${path}.${name}`, 'is not known', remedy)
  }
  return new Checked(path, fields)
}

class Checked implements CheckedObject {
  readonly path: string
  readonly #fields: ReadonlyMap<string, unknown>

  constructor(path: string, fields: ReadonlyMap<string, unknown>) {
    this.path = path
    this.#fields = fields
  }

  has(name: string): boolean {
    const value = this.#fields.get(name)
    return value !== undefined && value !== null
  }

  raw(name: string): unknown {
    return this.#fields.get(name)
  }

  text(name: string, fallback?: string): string {
    const value = this.has(name) ? this.raw(name) : fallback
    if (value === undefined) throw wrongAt(`${this.path}.${name}`, 'is missing')
    if (typeof value === 'string' && value !== '') return value
    if (value === fallback) return fallback ?? ''
    throw wrongAt(`${this.path}.${name}`, 'must be text')
  }

  number(
    name: string,
    { min, max, fallback }: { min: number; max: number; fallback: number },
  ): number {
    const value = this.has(name) ? this.raw(name) : fallback
    if (typeof value === 'number' && value >= min && value <= max) return value
    throw wrongAt(`${this.path}.${name}`, `must be a number from ${min} to ${max}`)
  }

  oneOf<T extends string>(name: string, known: readonly T[], fallback?: T): T {
    const text = this.text(name, fallback)
    const found = known.find((one) => one === text)
    if (found !== undefined) return found
    throw wrongAt(`${this.path}.${name}`, `must be one of ${known.join(', ')}`)
  }

  texts(name: string): readonly string[] {
    const value = this.has(name) ? this.raw(name) : []
    if (Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== ''))
      return value as string[]
    throw wrongAt(`${this.path}.${name}`, 'must be a list of texts')
  }

  objects<T>(name: string, parse: (value: unknown, path: string) => T): readonly T[] {
    const value = this.has(name) ? this.raw(name) : []
    const path = `${this.path}.${name}`
    if (!Array.isArray(value)) throw wrongAt(path, 'must be a list')
    return value.map((one, index) => parse(one, `${path}[${index}]`))
  }
}
