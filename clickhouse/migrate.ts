import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { ClickHouse } from './client.ts'
import { createAdhocDatabase } from './guard.ts'
import {
  loadMigrations,
  loadViews,
  onCluster,
  type DdlOptions,
  type Migration,
  type ViewSet,
} from './ddl.ts'
import { quoteName } from './statement.ts'
import { applyViews, planViews, type ViewPlan } from './views.ts'
import { watchWriters } from './writers.ts'

export interface MigrationReport {
  applied: readonly string[]
  /** Views that were made or changed. */
  views: readonly string[]
  /** Tables into which somebody inserted while rollups of them were made: these may miss rows. */
  writtenMeanwhile: readonly string[]
}

const statusTable = (options: DdlOptions): string =>
  `CREATE TABLE IF NOT EXISTS schema_migrations${onCluster(options)} (
  number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ${options.cluster === undefined ? '' : 'Replicated'}ReplacingMergeTree(applied_at) ORDER BY number`

const STATUS_ROWS =
  'SELECT number, name, checksum FROM schema_migrations FINAL ORDER BY number' as const

interface StatusRow {
  number: number
  name: string
  checksum: string
}

/** The views stand under number 0, since they are changed in place rather than migrated. */
const VIEWS_NUMBER = 0

async function record(
  clickhouse: ClickHouse,
  row: { number: number; name: string; checksum: string },
): Promise<void> {
  await clickhouse.command(
    'INSERT INTO schema_migrations (number, name, checksum) SELECT {number:UInt32}, {name:String}, {checksum:String}',
    { params: row },
  )
}

export interface MigrateOptions {
  /** Where other processes may write to the same tables: given to see whether they do. */
  othersMayWrite?: { clock: Clock }
}

/**
 * Brings the database to today's tables. Idempotent, and safe to run again after a crash in the middle: every
 * statement is. Fails with `data_dir_version` when an applied file was changed afterwards or is from the future, with
 * `tables_in_use` when it would have to make a rollup of a table that somebody writes to.
 */
export async function migrate(
  clickhouse: ClickHouse,
  options: DdlOptions,
  { othersMayWrite }: MigrateOptions = {},
): Promise<MigrationReport> {
  await createDatabases(clickhouse, options)
  await clickhouse.command(statusTable(options))
  const rows = await clickhouse.query<StatusRow>(STATUS_ROWS)
  const done = new Map(rows.map((row) => [row.number, row]))
  const migrations = loadMigrations(options)
  const pending = pendingOf(migrations, done)
  const views = loadViews(options)
  const plan = await planViews(clickhouse, views.views)
  const watch =
    othersMayWrite !== undefined && done.size > 0 && makesRollups(pending, plan)
      ? await watchWriters(clickhouse, { ...othersMayWrite, tables: sourcesOf(views) })
      : undefined
  const applied: string[] = []
  for (const migration of pending) {
    for (const statement of migration.statements) await clickhouse.command(statement)
    await record(clickhouse, migration)
    applied.push(`${String(migration.number).padStart(4, '0')} ${migration.name}`)
  }
  await applyRetention(clickhouse, migrations, options)
  // Looked at again: a replay that put its tables in place meanwhile has made its views itself.
  const due = await planViews(clickhouse, views.views)
  await applyViews(clickhouse, due, options)
  if (done.get(VIEWS_NUMBER)?.checksum !== views.checksum)
    await record(clickhouse, { number: VIEWS_NUMBER, name: 'views', checksum: views.checksum })
  return {
    applied,
    views: [...due.changed, ...due.made].map(({ name }) => name),
    writtenMeanwhile: (await watch?.writtenSince()) ?? [],
  }
}

function pendingOf(
  migrations: readonly Migration[],
  done: ReadonlyMap<number, StatusRow>,
): Migration[] {
  const latest = migrations.at(-1)?.number ?? 0
  const newest = Math.max(0, ...done.keys())
  if (newest > latest) {
    throw new FaultlineError(
      'data_dir_version',
      `the tables are at migration ${newest}, this version knows ${latest}`,
      {
        remedy: 'start the newer version, or restore a backup made before the upgrade',
      },
    )
  }
  for (const { number, name, checksum } of migrations) {
    const before = done.get(number)
    if (before === undefined || before.checksum === checksum) continue
    throw new FaultlineError(
      'data_dir_version',
      `migration ${number} ${name} was changed after it ran`,
      {
        remedy: 'add a new numbered file instead of changing one',
      },
    )
  }
  return migrations.filter(({ number }) => !done.has(number))
}

/** Whether anything is filled from stored rows, or begins to be fed: both must not miss what others write. */
function makesRollups(pending: readonly Migration[], plan: ViewPlan): boolean {
  return plan.made.length > 0 || pending.some(({ statements }) => statements.some(isFill))
}

const isFill = (statement: string): boolean => /^INSERT\b/.test(statement)

function sourcesOf({ views }: ViewSet): string[] {
  return [...new Set(views.map(({ source }) => source))]
}

/** The database of the tables, and the empty one guarded SQL runs in. */
export async function createDatabases(clickhouse: ClickHouse, options: DdlOptions): Promise<void> {
  const create = `CREATE DATABASE IF NOT EXISTS ${quoteName(clickhouse.database)}`
  await clickhouse.command(`${create}${onCluster(options)}`, { database: 'default' })
  await createAdhocDatabase(clickhouse, onCluster(options))
}

/** Whether every table and view of this version is there; changes nothing. */
export async function isMigrated(clickhouse: ClickHouse, options: DdlOptions): Promise<boolean> {
  const tables = await clickhouse.query(
    `SELECT name FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'`,
    { params: { database: clickhouse.database }, database: 'default' },
  )
  if (tables.length === 0) return false
  const done = new Map(
    (await clickhouse.query<StatusRow>(STATUS_ROWS)).map((row) => [row.number, row]),
  )
  const wanted = [
    ...loadMigrations(options),
    { number: VIEWS_NUMBER, checksum: loadViews(options).checksum },
  ]
  return wanted.every(({ number, checksum }) => done.get(number)?.checksum === checksum)
}

const TABLE_TTL = /^CREATE TABLE IF NOT EXISTS (\w+)[\s\S]*\nTTL (.+ INTERVAL (\d+) DAY)/

/** A retention that was changed since the tables were made takes hold without touching what is stored. */
async function applyRetention(
  clickhouse: ClickHouse,
  migrations: readonly Migration[],
  options: DdlOptions,
): Promise<void> {
  const tables = await clickhouse.query<{ name: string; ddl: string }>(
    'SELECT name, create_table_query AS ddl FROM system.tables WHERE database = currentDatabase()',
  )
  const ddlOf = new Map(tables.map(({ name, ddl }) => [name, ddl]))
  for (const statement of migrations.flatMap((migration) => migration.statements)) {
    const [, table = '', ttl = '', days = ''] = TABLE_TTL.exec(statement) ?? []
    if (table === '' || ddlOf.get(table)?.includes(`toIntervalDay(${days})`) === true) continue
    await clickhouse.command(`ALTER TABLE ${table}${onCluster(options)} MODIFY TTL ${ttl}`, {
      settings: { materialize_ttl_after_modify: 0 },
    })
  }
}
