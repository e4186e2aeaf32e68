import type { ClickHouse } from './client.ts'
import { onCluster, type DdlOptions, type View } from './ddl.ts'

/** What there is to do so that the views are those of this version. Views that are so already are in neither list. */
export interface ViewPlan {
  /** Not there, or between other tables: rows inserted before it is made do not reach it. */
  made: readonly View[]
  /** Another SELECT between the same tables, put in the place of the old one without a gap. */
  changed: readonly View[]
}

interface PresentView {
  name: string
  query: string
  ddl: string
}

const NOTHING: ViewPlan = { made: [], changed: [] }

/** Compares as ClickHouse reads both; only what differs is touched. */
export async function planViews(
  clickhouse: ClickHouse,
  wanted: readonly View[],
): Promise<ViewPlan> {
  if (wanted.length === 0) return NOTHING
  const present = await clickhouse.query<PresentView>(
    `SELECT name, formatQuerySingleLine(as_select) AS query, create_table_query AS ddl FROM system.tables
     WHERE database = currentDatabase() AND engine = 'MaterializedView'`,
  )
  const found = new Map(present.map((view) => [view.name, view]))
  const read = await clickhouse.query<{ query: string }>(
    'SELECT formatQuerySingleLine(arrayJoin({selects:Array(String)})) AS query',
    { params: { selects: wanted.map(({ select }) => select) } },
  )
  const [made, changed]: [View[], View[]] = [[], []]
  for (const [index, view] of wanted.entries()) {
    const before = found.get(view.name)
    if (before === undefined || !isBetweenTheSame(before, view)) made.push(view)
    else if (withoutDatabase(before.query, clickhouse.database) !== read[index]?.query)
      changed.push(view)
  }
  return { made, changed }
}

/**
 * Makes and changes views. A changed one stays the same view: dropped and made again, it would miss the rows inserted
 * in between, and count a block twice that a sink inserts again, since the tokens of blocks are bound to its identity.
 */
export async function applyViews(
  clickhouse: ClickHouse,
  { made, changed }: ViewPlan,
  options: DdlOptions,
): Promise<void> {
  const on = onCluster(options)
  for (const { name, select } of changed)
    await clickhouse.command(`ALTER TABLE ${name}${on} MODIFY QUERY ${select}`)
  for (const { name, statement } of made) {
    await clickhouse.command(`DROP VIEW IF EXISTS ${name}${on}`)
    await clickhouse.command(statement)
  }
}

const SOURCE = /\bFROM (\S+)/
const TARGET = /^CREATE MATERIALIZED VIEW .+? TO (\S+)/

function isBetweenTheSame({ query, ddl }: PresentView, { source, target }: View): boolean {
  return tableIn(query, SOURCE) === source && tableIn(ddl, TARGET) === target
}

/** ClickHouse writes the database in front of each table. */
function tableIn(sql: string, place: RegExp): string | undefined {
  return place.exec(sql)?.[1]?.replaceAll('`', '').split('.').at(-1)
}

function withoutDatabase(sql: string, database: string): string {
  return sql.replaceAll(`\`${database}\`.`, '').replaceAll(`${database}.`, '')
}
