import { createHash } from 'node:crypto'
import { FaultlineError } from '#/kernel/errors.ts'
import { DETECTOR_EFFECTS, DETECTOR_SIGNS, type DetectorSpec } from '#/schemas/detector-view.ts'

/** Bounds of what one project may ask for, so that its questions stay small beside live work. */
export const DETECTOR_LIMITS = {
  sqlChars: 10_000,
  nameChars: 100,
  detectors: 50,
  active: 20,
  /** Rows of one window, which are the groups that are followed. */
  rows: 100,
  timeMs: 5_000,
  memoryBytes: 128 * 1024 * 1024,
  /** Quiet incidents are resolved after half an hour: a longer window would let them go between two looks. */
  windowMin: 15,
  inARow: 12,
  usualWindows: 48,
  backtestWindows: 20_000,
  backtestsKept: 50,
  firingsKept: 200,
  seriesPoints: 240,
} as const

const FIELDS = [
  'sql',
  'window_min',
  'sign',
  'value',
  'in_a_row',
  'usual',
  'effect',
  'service',
  'environment',
] as const

type Loose = Readonly<Record<string, unknown>>

/** Reads what somebody sent, and says which field is wrong. */
export function readSpec(value: unknown): DetectorSpec {
  const body = objectOf(value, 'detector')
  for (const name of Object.keys(body))
    if (!(FIELDS as readonly string[]).includes(name))
      throw wrong(name.slice(0, 60), 'is no field of a detector', `Known: ${FIELDS.join(', ')}.`)
  const sql = textOf(body, 'sql', { max: DETECTOR_LIMITS.sqlChars })
  if (sql === '') throw wrong('sql', 'must be a SELECT with a column value')
  return {
    sql,
    window_min: wholeOf(body, 'window_min', { max: DETECTOR_LIMITS.windowMin, standard: 5 }),
    sign: choiceOf(body, 'sign', DETECTOR_SIGNS),
    value: numberOf(body, 'value'),
    in_a_row: wholeOf(body, 'in_a_row', { max: DETECTOR_LIMITS.inARow, standard: 1 }),
    usual: usualOf(body['usual']),
    effect: choiceOf({ effect: 'alert', ...body }, 'effect', DETECTOR_EFFECTS),
    service: textOf(body, 'service', { max: 200 }),
    environment: textOf({ environment: 'prod', ...body }, 'environment', { max: 200 }),
  }
}

/** The same for the same text; one character more is another detector. */
export function specId(spec: DetectorSpec): string {
  const text = JSON.stringify(FIELDS.map((field) => spec[field]))
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function usualOf(value: unknown): DetectorSpec['usual'] {
  if (value === undefined || value === null) return null
  const usual = objectOf(value, 'usual')
  const times = numberOf(usual, 'times', 'usual.')
  if (times <= 0) throw wrong('usual.times', 'must be above 0')
  const windows = wholeOf(
    usual,
    'windows',
    { max: DETECTOR_LIMITS.usualWindows, standard: 12 },
    'usual.',
  )
  return { times, windows }
}

function objectOf(value: unknown, path: string): Loose {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Loose
  throw wrong(path, 'must be an object')
}

function textOf(body: Loose, name: string, { max }: { max: number }): string {
  const value = body[name] ?? ''
  if (typeof value !== 'string' || value.length > max)
    throw wrong(name, `must be text of at most ${max} characters`)
  return value.toWellFormed().trim()
}

function numberOf(body: Loose, name: string, prefix = ''): number {
  const value = body[name]
  if (typeof value === 'number' && Math.abs(value) <= 1e15) return value
  throw wrong(`${prefix}${name}`, 'must be a number')
}

function wholeOf(
  body: Loose,
  name: string,
  { max, standard }: { max: number; standard: number },
  prefix = '',
): number {
  const value = body[name] ?? standard
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max)
    return value
  throw wrong(`${prefix}${name}`, `must be a whole number from 1 to ${max}`)
}

function choiceOf<T extends string>(body: Loose, name: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === body[name])
  if (found !== undefined) return found
  throw wrong(name, `must be one of ${choices.join(' ')}`)
}

function wrong(path: string, what: string, remedy?: string): FaultlineError {
  return new FaultlineError('invalid_request', `${path} ${what}.`, {
    path,
    ...(remedy === undefined ? {} : { remedy }),
  })
}
