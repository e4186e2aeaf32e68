import type { ConsumedRecord } from '#/processors/log/port.ts'
import type { SinkTable } from './sink-table.ts'

/** Part of a range: its rows, and the offsets they stand for. */
export interface RowRange {
  lo: number
  hi: number
  rows: readonly ConsumedRecord[]
}

export interface InsertRows {
  table: Pick<SinkTable, 'isDataError'>
  rows: readonly ConsumedRecord[]
  /** `lo` and `hi` are left to the caller for the whole range, and given for parts of it. */
  insert(part: Partial<RowRange> & { rows: readonly ConsumedRecord[] }): Promise<void>
  /** Called for each record ClickHouse refuses for its data. */
  onRefused(record: ConsumedRecord, error: unknown): void
}

/**
 * Inserts a range; where ClickHouse refuses its data, in halves, until the guilty records are alone. Halves are cut
 * at the same offsets each time, so that a repetition after a kill carries the same tokens. Returns how many
 * records were refused.
 */
export async function insertRows(work: InsertRows): Promise<number> {
  return insertPart(work, { rows: work.rows })
}

async function insertPart(
  work: InsertRows,
  part: Partial<RowRange> & { rows: readonly ConsumedRecord[] },
): Promise<number> {
  const { rows } = part
  const [first] = rows
  if (first === undefined) return 0
  try {
    await work.insert(part)
    return 0
  } catch (error) {
    if (!work.table.isDataError(error)) throw error
    if (rows.length === 1) {
      work.onRefused(first, error)
      return 1
    }
    const middle = rows.length >>> 1
    const cut = rows[middle]!.offset
    const before = await insertPart(work, { ...part, hi: cut, rows: rows.slice(0, middle) })
    return before + (await insertPart(work, { ...part, lo: cut, rows: rows.slice(middle) }))
  }
}
