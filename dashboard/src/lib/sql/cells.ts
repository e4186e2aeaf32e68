import type { SqlView } from '#lib/contract.ts'

/** A value of a result as text. 64-bit integers come as text and stay exact. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'string') return value
  return JSON.stringify(value)
}

export const isNumeric = (type: string): boolean =>
  /^(?:Nullable\()?(?:U?Int|Float|Decimal)/.test(type)

/** A field of a CSV file by RFC 4180. One that a spreadsheet would run as a formula is kept from it by a quote. */
export function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(?:\.\d+)?$/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export function toCsv({ columns, rows }: Pick<SqlView, 'columns' | 'rows'>): string {
  const lines = [columns.map((column) => csvField(column.name)).join(',')]
  for (const row of rows) {
    lines.push(row.map((value) => (value === null ? '' : csvField(cellText(value)))).join(','))
  }
  return `${lines.join('\r\n')}\r\n`
}

export function toJson({ columns, rows }: Pick<SqlView, 'columns' | 'rows'>): string {
  const objects = rows.map((row) =>
    Object.fromEntries(columns.map((column, i) => [column.name, row[i]])),
  )
  return `${JSON.stringify(objects, null, 2)}\n`
}
