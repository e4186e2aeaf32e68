/** Completion of ClickHouse SQL as far as it helps: words of the language, tables, and columns of the tables named. */
import { TABLES } from '#lib/sql/schema.ts'

const WORDS = [
  'SELECT',
  'FROM',
  'WHERE',
  'GROUP BY',
  'ORDER BY',
  'LIMIT',
  'HAVING',
  'AND',
  'OR',
  'NOT',
  'IN',
  'LIKE',
  'ILIKE',
  'BETWEEN',
  'AS',
  'DESC',
  'ASC',
  'WITH',
  'UNION ALL',
  'INTERVAL',
  'count()',
  'countIf(',
  'sum(',
  'sumIf(',
  'avg(',
  'min(',
  'max(',
  'any(',
  'uniq(',
  'quantile(0.95)(',
  'now()',
  'toStartOfMinute(',
  'toStartOfHour(',
  'toStartOfInterval(',
  'dateDiff(',
  'lower(',
  'length(',
  'if(',
  'multiIf(',
  'round(',
  'arrayJoin(',
  'hasAllTokens(',
  'positionCaseInsensitive(',
  'formatDateTime(',
  'attributes[',
] as const

export interface Completion {
  text: string
  /** What it is, in a word. */
  kind: string
}

const CHOICES_MAX = 8
const WORD = /[A-Za-z_][A-Za-z0-9_]*$/

/** The word that ends at the caret, '' for none. */
export const wordBefore = (sql: string, caret: number): string =>
  WORD.exec(sql.slice(0, caret))?.[0] ?? ''

export function completions(sql: string, caret: number): readonly Completion[] {
  const word = wordBefore(sql, caret).toLowerCase()
  if (word === '') return []
  const before = sql.slice(0, caret - word.length)
  const wantsTable = /\b(?:from|join)\s+$/i.test(before)
  const named = TABLES.filter((table) => new RegExp(`\\b${table.name}\\b`, 'i').test(sql))
  const columns = (named.length === 0 ? TABLES.slice(0, 1) : named).flatMap((table) =>
    table.columns.split(' ').map((text) => ({ text, kind: table.name })),
  )
  const tables = TABLES.map((table) => ({ text: table.name, kind: 'table' }))
  const words = WORDS.map((text) => ({ text, kind: 'SQL' }))
  const all: readonly Completion[] = wantsTable ? tables : [...columns, ...tables, ...words]
  const seen = new Set<string>()
  return all
    .filter(({ text }) => {
      const isNew = !seen.has(text)
      seen.add(text)
      return isNew && text.toLowerCase().startsWith(word) && text.toLowerCase() !== word
    })
    .slice(0, CHOICES_MAX)
}

/** The text with the word at the caret completed, and where the caret then stands. */
export function completed(
  sql: string,
  caret: number,
  choice: string,
): { sql: string; caret: number } {
  const start = caret - wordBefore(sql, caret).length
  return { sql: sql.slice(0, start) + choice + sql.slice(caret), caret: start + choice.length }
}
