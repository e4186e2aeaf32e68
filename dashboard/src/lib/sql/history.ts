/** Queries that were run in this browser, the last first. They never leave it. */
const NAME = 'faultline-sql-history'
const ENTRIES_MAX = 30

export interface PastQuery {
  sql: string
  at: number
}

export function readHistory(): readonly PastQuery[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(NAME) ?? '[]')
    if (!Array.isArray(stored)) return []
    return (stored as PastQuery[]).filter(
      (one) => typeof one?.sql === 'string' && typeof one.at === 'number',
    )
  } catch {
    return []
  }
}

export function remember(sql: string, at: number): readonly PastQuery[] {
  const rest = readHistory().filter((one) => one.sql !== sql)
  const next = [{ sql, at }, ...rest].slice(0, ENTRIES_MAX)
  try {
    localStorage.setItem(NAME, JSON.stringify(next))
  } catch {
    // Full or switched off: the query still ran.
  }
  return next
}
