/** Queries that were run in this browser, the last first. They never leave it. */
import { readList, writeList } from '#lib/stored-list.ts'

const NAME = 'faultline-sql-history'
const ENTRIES_MAX = 30

export interface PastQuery {
  sql: string
  at: number
}

function isPastQuery(one: unknown): one is PastQuery {
  const { sql, at } = (one ?? {}) as Partial<PastQuery>
  return typeof sql === 'string' && typeof at === 'number'
}

export const readHistory = (): readonly PastQuery[] => readList(NAME, isPastQuery)

export function remember(sql: string, at: number): readonly PastQuery[] {
  const rest = readHistory().filter((one) => one.sql !== sql)
  const next = [{ sql, at }, ...rest].slice(0, ENTRIES_MAX)
  writeList(NAME, next)
  return next
}
