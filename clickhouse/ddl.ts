import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What differs between one embedded engine and a replicated cluster. */
export interface DdlOptions {
  /** Days telemetry stays in ClickHouse. */
  retentionDays: number
  /** Name of the cluster for ON CLUSTER and Replicated engines; undefined for a single server. */
  cluster?: string | undefined
}

export interface Migration {
  number: number
  name: string
  /** SHA-256 of the file as it lies in ddl/. */
  checksum: string
  statements: readonly string[]
}

const DDL_DIR = join(import.meta.dirname, 'ddl')
const ENGINE = /\{\{(MergeTree|AggregatingMergeTree|ReplacingMergeTree)(?::(\w+))?\}\}/g

/** ` ON CLUSTER 'name'` behind the name of what a statement is about; nothing for a single server. */
export function onCluster({ cluster }: Pick<DdlOptions, 'cluster'>): string {
  return cluster === undefined ? '' : ` ON CLUSTER '${cluster}'`
}

// Replicated tables keep their tokens in Keeper, under other names and, unless told, for an hour only: an insert that
// is repeated after a longer outage would then count twice.
const DEDUP_WINDOW = /\bnon_replicated_deduplication_window = (\d+)/g
const DEDUP_SECONDS = 7 * 86_400

function expand(sql: string, options: DdlOptions, suffix: string): string {
  const replicated = options.cluster === undefined ? '' : 'Replicated'
  return sql
    .replaceAll('{{cluster}}', onCluster(options))
    .replaceAll(DEDUP_WINDOW, (own, parts: string) =>
      options.cluster === undefined
        ? own
        : `replicated_deduplication_window = ${parts}, replicated_deduplication_window_seconds = ${DEDUP_SECONDS}`,
    )
    .replaceAll('{{suffix}}', suffix)
    .replaceAll('{{retention_days}}', String(options.retentionDays))
    .replaceAll(
      ENGINE,
      (_, engine: string, column: string | undefined) => `${replicated}${engine}(${column ?? ''})`,
    )
}

/** Statements of a file: comment lines go, a semicolon at the end of a line ends a statement. */
export function splitStatements(sql: string): string[] {
  const lines = sql.split('\n').filter((line) => !line.trimStart().startsWith('--'))
  return lines
    .join('\n')
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}

function checksumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The numbered files of ddl/, in order. */
export function loadMigrations(options: DdlOptions): Migration[] {
  return readdirSync(DDL_DIR)
    .filter((file) => /^\d{4}_\w+\.sql$/.test(file))
    .toSorted()
    .map((file) => {
      const text = readFileSync(join(DDL_DIR, file), 'utf8')
      return {
        number: Number(file.slice(0, 4)),
        name: file.slice(5, -'.sql'.length),
        checksum: checksumOf(text),
        statements: splitStatements(expand(text, options, '')),
      }
    })
}

/** A materialized view: what is inserted into its source goes through its SELECT into its target. */
export interface View {
  name: string
  statement: string
  source: string
  target: string
  select: string
}

export interface ViewSet {
  checksum: string
  views: readonly View[]
}

const VIEW =
  /^CREATE MATERIALIZED VIEW (\w+)(?: ON CLUSTER '[^']*')? TO (\w+) AS\s+(SELECT\b[\s\S]*)$/

/** The materialized views over the tables with this suffix. */
export function loadViews(options: DdlOptions, suffix = ''): ViewSet {
  const text = readFileSync(join(DDL_DIR, 'views.sql'), 'utf8')
  const views = splitStatements(expand(text, options, suffix)).map((statement) => {
    const [, name, target, select] = VIEW.exec(statement) ?? []
    const source = /\bFROM (\w+)/.exec(select ?? '')?.[1]
    if (name === undefined || target === undefined || select === undefined || source === undefined)
      throw new Error(`views.sql holds something else than a view: ${statement.slice(0, 80)}`)
    return { name, statement, source, target, select }
  })
  return { checksum: checksumOf(text), views }
}
