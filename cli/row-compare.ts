import { columnsOf } from '#/schemas/columns.ts'
import type { RecordName } from '#/schemas/avro-schemas.ts'

/** A field of a stored row that is not what the log gives when it is run again. */
export interface RowProblem {
  /** `incident_events, incident 3f…, step 4`. */
  row: string
  field: string
  stored: string
  computed: string
}

export type Row = Readonly<Record<string, unknown>>

export interface Comparison {
  row: string
  stored: Row
  computed: Row
  isPart?: boolean
}

const SHOWN_CHARS = 120

/**
 * Compares a row of ClickHouse (JSONEachRow) with the record it should have been made of, field by field; a row that
 * `isPart` of the record only by the columns it has.
 */
export function compareRow(
  record: RecordName,
  { row, stored, computed, isPart = false }: Comparison,
): RowProblem[] {
  const problems: RowProblem[] = []
  for (const { name, type } of columnsOf(record)) {
    if (isPart && !(name in stored)) continue
    const [left, right] = [plain(stored[name], type), plain(computed[name], type)]
    if (left !== right)
      problems.push({
        row,
        field: name,
        stored: left.slice(0, SHOWN_CHARS),
        computed: right.slice(0, SHOWN_CHARS),
      })
  }
  return problems
}

/** One text for a value, however ClickHouse or Avro spells it. */
function plain(value: unknown, type: string): string {
  if (value === null || value === undefined) return 'null'
  if (type.includes('DateTime64')) return String(timeOf(value))
  if (type.startsWith('Array')) return JSON.stringify(value)
  if (type.startsWith('Map')) {
    const entries = value instanceof Map ? [...value] : Object.entries(value)
    return JSON.stringify(entries.map(([key, one]) => [String(key), String(one)]).toSorted(byKey))
  }
  if (Buffer.isBuffer(value)) return value.toString('latin1')
  if (/Int|Float/.test(type)) return String(Number(value))
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function byKey([left = '']: string[], [right = '']: string[]): number {
  return left < right ? -1 : 1
}

function timeOf(value: unknown): number {
  if (value instanceof Date) return value.getTime()
  if (typeof value === 'number') return value
  const text = typeof value === 'string' ? value : ''
  return Date.parse(text.includes('T') ? text : `${text.replace(' ', 'T')}Z`)
}
