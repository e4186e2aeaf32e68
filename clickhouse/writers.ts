import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { ClickHouse } from './client.ts'

export interface WriterWatch {
  /** Tables into which somebody inserted since the watch began; waits for inserts that are still under way. */
  writtenSince(): Promise<readonly string[]>
}

/** A sink with anything to do inserts at least once a second. */
const QUIET_MS = 3_000
const LOOK_MS = 250
/** An insert that takes longer than this is not waited for. */
const INSERT_MS_MAX = 60_000

/**
 * Sees to it that nobody inserts into these tables: what comes while a rollup is filled and its view is made would be
 * missing in the rollup. Throws `tables_in_use` when somebody does; whoever begins afterwards is noticed at the end.
 */
export async function watchWriters(
  clickhouse: ClickHouse,
  { tables, clock }: { tables: readonly string[]; clock: Clock },
): Promise<WriterWatch> {
  const first = await blocksOf(clickhouse, tables)
  const startedMs = clock.monotonicMs()
  while (clock.monotonicMs() - startedMs < QUIET_MS) {
    await clock.sleep(LOOK_MS)
    const busy = grown(first, await blocksOf(clickhouse, tables))
    if (busy.length > 0) throw inUse(busy)
  }
  return {
    async writtenSince() {
      await insertsUnderWay(clickhouse, clock)
      return grown(first, await blocksOf(clickhouse, tables))
    },
  }
}

/** The newest block of each partition of a table; merges do not change it, an insert raises it. */
type Blocks = ReadonlyMap<string, { table: string; newest: number }>

async function blocksOf(clickhouse: ClickHouse, tables: readonly string[]): Promise<Blocks> {
  const rows = await clickhouse.query<{ name: string; id: string; newest: string }>(
    `SELECT table AS name, partition_id AS id, max(max_block_number) AS newest FROM system.parts
     WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)} GROUP BY name, id`,
    { params: { tables: [...tables] } },
  )
  return new Map(
    rows.map(({ name, id, newest }) => [`${name}/${id}`, { table: name, newest: Number(newest) }]),
  )
}

function grown(before: Blocks, now: Blocks): string[] {
  const tables = [...now]
    .filter(([key, { newest }]) => newest > (before.get(key)?.newest ?? -1))
    .map(([, { table }]) => table)
  return [...new Set(tables)].toSorted()
}

/** Whether a view takes part is decided when an insert begins: those that began before it was made count as well. */
async function insertsUnderWay(clickhouse: ClickHouse, clock: Clock): Promise<void> {
  const running = async (): Promise<string[]> => {
    const rows = await clickhouse.query<{ query_id: string }>(
      `SELECT query_id FROM system.processes WHERE query_kind = 'Insert'`,
    )
    return rows.map(({ query_id }) => query_id)
  }
  const startedMs = clock.monotonicMs()
  let older = await running()
  while (older.length > 0 && clock.monotonicMs() - startedMs < INSERT_MS_MAX) {
    await clock.sleep(LOOK_MS)
    const still = new Set(await running())
    older = older.filter((id) => still.has(id))
  }
}

function inUse(tables: readonly string[]): FaultlineError {
  return new FaultlineError(
    'tables_in_use',
    `rows are being written to ${tables.join(' and ')}, and this version makes rollups of them`,
    {
      remedy:
        'Stop every sink of the older version; rows wait in the log meanwhile. Then start one of this version, and the others.',
    },
  )
}
