import { FaultlineError } from '#/kernel/errors.ts'
import type { DetectorSpec } from '#/schemas/detector-view.ts'
import type { SqlView } from '#/schemas/view.ts'
import type { GroupValue } from './evaluate.ts'
import { DETECTOR_LIMITS } from './spec.ts'

const NAMES = ['value', 'service', 'environment', 'name'] as const
const CHARS_MAX = 200

/** The groups of one window. Rows whose value is no number count as not there; refuses what has no column `value`. */
export function groupsOf({ columns, rows }: SqlView, spec: DetectorSpec): GroupValue[] {
  const at = (name: (typeof NAMES)[number]): number => columns.findIndex((one) => one.name === name)
  const [value, service, environment, name] = NAMES.map(at) as [number, number, number, number]
  if (value < 0)
    throw new FaultlineError('invalid_sql', 'The SELECT of a detector gives no column value.', {
      path: 'sql',
      remedy: 'For example: SELECT service, count() AS value FROM events GROUP BY service',
    })
  const groups: GroupValue[] = []
  for (const row of rows) {
    const number = numberOf(row[value])
    if (number === undefined) continue
    groups.push({
      value: number,
      service: textOf(row[service], spec.service),
      environment: textOf(row[environment], spec.environment),
      name: textOf(row[name], ''),
    })
  }
  return groups.toSorted(byName).slice(0, DETECTOR_LIMITS.rows)
}

function numberOf(cell: unknown): number | undefined {
  if (cell === null || cell === undefined || cell === '') return undefined
  const number = Number(cell)
  return Number.isFinite(number) ? number : undefined
}

function textOf(cell: unknown, standard: string): string {
  const text = typeof cell === 'string' || typeof cell === 'number' ? String(cell) : ''
  return (text === '' ? standard : text).slice(0, CHARS_MAX)
}

function byName(left: GroupValue, right: GroupValue): number {
  const [a, b] = [left, right].map((one) => `${one.service}\0${one.environment}\0${one.name}`)
  if (a === b) return 0
  return a! < b! ? -1 : 1
}
