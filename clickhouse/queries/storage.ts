import type { ClickHouse } from '#/clickhouse/client.ts'
import type { TableView } from '#/schemas/view.ts'

/** Tables with rows, the largest first. Many parts of one table mean that merges cannot keep up. */
export async function storage(clickhouse: ClickHouse): Promise<readonly TableView[]> {
  const rows = await clickhouse.query<{ table: string; n: string; parts: string; bytes: string }>(
    `SELECT table, sum(rows) AS n, count() AS parts, sum(bytes_on_disk) AS bytes FROM system.parts
     WHERE active AND database = {database:String} GROUP BY table ORDER BY bytes DESC, table LIMIT 100`,
    { params: { database: clickhouse.database } },
  )
  return rows.map(({ table, n, parts, bytes }) => ({
    table,
    rows: Number(n),
    parts: Number(parts),
    bytes: Number(bytes),
  }))
}
