/**
 * Values as SQL text. Evidence is asked for in the SQL that anybody may run (through the guard, which binds the
 * project), so that the text of a query is all it takes to run it again.
 */
export function sqlText(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '')}'`
}

export function sqlList(values: readonly string[]): string {
  return `(${values.map(sqlText).join(', ')})`
}

export function sqlArray(values: readonly string[]): string {
  return `[${values.map(sqlText).join(', ')}]`
}

/** A moment in milliseconds since the epoch. */
export function sqlTime(ms: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${Math.floor(ms)}))`
}

/** Half-open, as all ranges are. */
export function sqlBetween(column: string, from: number, to: number): string {
  return `${column} >= ${sqlTime(from)} AND ${column} < ${sqlTime(to)}`
}

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}"`]+/gu
const BLANKS = /\s+/g

/** Log text in a sentence: one line, no control or direction characters, no end of a quotation, bounded. */
export function plainText(text: string, charsMax = 160): string {
  const oneLine = text.replaceAll(UNPRINTABLE, ' ').replaceAll(BLANKS, ' ').trim()
  return oneLine.length > charsMax ? `${oneLine.slice(0, charsMax - 1)}…` : oneLine
}

export function clockText(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)} UTC`
}

/** `+120 s` or `-30 s` from a moment. */
export function secondsFrom(ms: number, origin: number): string {
  const seconds = Math.round((ms - origin) / 1000)
  return seconds === 0
    ? 'at the same second'
    : `${Math.abs(seconds)} s ${seconds < 0 ? 'before' : 'after'}`
}
