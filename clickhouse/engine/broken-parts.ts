import { quoteName, quoteString } from '#/clickhouse/statement.ts'

/** Runs a statement of our own; rows as lines of tab-separated text. */
export type Ask = (sql: string) => Promise<string[]>

interface Part {
  database: string
  table: string
  name: string
  /** Parts it was made of are still on the disk. */
  isMade: boolean
}

/**
 * Checks the parts written since `sinceMs`. A broken one that came with an INSERT is dropped, its token with it: nobody
 * was told that it is there, and it counts when it is sent again. A broken one that was merged or mutated needs a new
 * start, which takes up the parts it was made of. Throws when a part cannot be checked.
 */
export async function repairParts(ask: Ask, sinceMs: number): Promise<'mended' | 'restart'> {
  let needsRestart = false
  for (const part of await partsSince(ask, sinceMs)) {
    if (await isWhole(ask, part)) continue
    if (part.isMade) needsRestart = true
    else await ask(`ALTER TABLE ${nameOf(part)} DROP PART ${quoteString(part.name)}`)
  }
  return needsRestart ? 'restart' : 'mended'
}

async function partsSince(ask: Ask, sinceMs: number): Promise<Part[]> {
  const since = Math.floor(sinceMs / 1000)
  const lines = await ask(`
    SELECT p.database, p.table, p.name, countIf(o.name != '') > 0 FROM system.parts AS p
    LEFT JOIN (SELECT * FROM system.parts WHERE NOT active) AS o ON o.database = p.database AND o.table = p.table
      AND o.partition_id = p.partition_id AND o.min_block_number >= p.min_block_number AND o.max_block_number <= p.max_block_number
    WHERE p.active AND p.modification_time >= toDateTime(${since})
    GROUP BY p.database, p.table, p.name ORDER BY ALL`)
  return lines.map((line) => {
    const [database = '', table = '', name = '', isMade] = line.split('\t')
    return { database, table, name, isMade: isMade === '1' }
  })
}

async function isWhole(ask: Ask, part: Part): Promise<boolean> {
  const settings = 'SETTINGS check_query_single_value_result = 1'
  const [result] = await ask(
    `CHECK TABLE ${nameOf(part)} PART ${quoteString(part.name)} ${settings}`,
  )
  // Merged into another meanwhile: that one is in the list of the next look, if it is not in this one.
  return result === '1' || result === undefined
}

const nameOf = ({ database, table }: Part): string => `${quoteName(database)}.${quoteName(table)}`
