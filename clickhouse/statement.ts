import { assert } from '#/kernel/assert.ts'

export type SettingValue = string | number | boolean

/** Input formats the pipeline uses; anything ClickHouse reads would do. */
export type InsertFormat =
  | 'Avro'
  | 'RowBinary'
  | 'Native'
  | 'JSONEachRow'
  | 'JSONCompactEachRow'
  | 'CSVWithNames'

export interface InsertTarget {
  /** `events` or `database.events`; quoted here. */
  table: string
  columns?: readonly string[]
  format: InsertFormat
  /** Stand in the statement itself, because the embedded engine's settings outlive a request. */
  settings?: Readonly<Record<string, SettingValue>>
  /**
   * Reads the body through a SELECT: `structure` names the columns of the body with their types,
   * `select` what becomes of them, in the order of `columns`.
   */
  transform?: { structure: string; select: string }
}

const SETTING_NAME = /^[a-z][a-z0-9_]{0,80}$/

/** A string literal of ClickHouse: everything that could end or continue it is escaped. */
export function quoteString(value: string): string {
  return `'${value.toWellFormed().replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`
}

/** A back-quoted identifier; a dot separates database and table only in `quoteTable`. */
export function quoteName(name: string): string {
  assert(name.length > 0 && !name.includes('\0'), 'an identifier has characters and no NUL')
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

function quoteTable(name: string): string {
  return name.split('.').map(quoteName).join('.')
}

/** ` SETTINGS a = 1, b = 'x'`, or nothing. Throws on a name that is not a setting's. */
function settingsClause(settings: Readonly<Record<string, SettingValue>> = {}): string {
  const parts = Object.entries(settings).map(([name, value]) => {
    assert(SETTING_NAME.test(name), `a setting's name is lower-case letters: ${name}`)
    return `${name} = ${settingLiteral(value)}`
  })
  return parts.length === 0 ? '' : ` SETTINGS ${parts.join(', ')}`
}

export function settingLiteral(value: SettingValue): string {
  if (typeof value === 'string') return quoteString(value)
  if (typeof value === 'boolean') return value ? '1' : '0'
  assert(Number.isFinite(value), 'a numeric setting is finite')
  return String(value)
}

/** `INSERT INTO t (a, b) SETTINGS … FORMAT Avro`: the body follows the statement. */
export function insertStatement(target: InsertTarget): string {
  const columns =
    target.columns === undefined ? '' : ` (${target.columns.map(quoteName).join(', ')})`
  const head = `INSERT INTO ${quoteTable(target.table)}${columns}${settingsClause(target.settings)}`
  if (target.transform === undefined) return `${head} FORMAT ${target.format}`
  const { structure, select } = target.transform
  return `${head} SELECT ${select} FROM input(${quoteString(structure)}) FORMAT ${target.format}`
}
