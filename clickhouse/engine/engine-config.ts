import type { SettingValue } from '#/clickhouse/statement.ts'

/** What the parent tells the engine process, in its first message. Secrets never stand on a command line. */
export interface EngineConfig {
  dataDir: string
  host: string
  /** 0 takes a free one. */
  port: number
  /** Created when missing; where unqualified names are looked up. */
  database: string
  users: readonly EngineUser[]
  limits: EngineLimits
}

export interface EngineUser {
  name: string
  secret: string
  /** `internal` may do everything; `reader` gets guarded, limited, read-only SELECTs. */
  role: 'internal' | 'reader'
}

export interface EngineLimits {
  /** What the engine as a whole may hold in memory. */
  memoryBytesMax: number
  queryMemoryBytesMax: number
  adhocMemoryBytesMax: number
  queryTimeMsMax: number
  adhocTimeMsMax: number
  adhocResultRowsMax: number
  adhocReadBytesMax: number
  /** Statement text, parameters included. */
  statementBytesMax: number
  /** Decoded body of an insert. */
  bodyBytesMax: number
  waitingMax: number
  /** After this the stop no longer waits for running queries. */
  stopTimeMsMax: number
}

const MIB = 1024 * 1024

export const ENGINE_LIMITS: EngineLimits = {
  memoryBytesMax: 800 * MIB,
  queryMemoryBytesMax: 500 * MIB,
  adhocMemoryBytesMax: 256 * MIB,
  queryTimeMsMax: 60_000,
  adhocTimeMsMax: 10_000,
  adhocResultRowsMax: 100_000,
  adhocReadBytesMax: 4096 * MIB,
  statementBytesMax: MIB,
  bodyBytesMax: 256 * MIB,
  waitingMax: 256,
  stopTimeMsMax: 10_000,
}

/**
 * Sessions by lane. Each runs at most one query and so holds at most one thread of libuv's pool (16,
 * which ClickHouse's config cannot grow); the five left over serve the files of bodies and results.
 */
export const LANES = { writer: 3, reader: 4, adhoc: 2, command: 1, control: 1 } as const
export const THREADPOOL_SIZE = 16

export type LaneName = keyof typeof LANES

/**
 * Questions of pages are small and come again and again. Compiling an expression the third time it is met costs more
 * than it ever saves them, and made one answer in five late; decompressed blocks of what they read fit in a small cache.
 */
const PAGES = {
  compile_expressions: 0,
  compile_aggregate_expressions: 0,
  compile_sort_description: 0,
  use_uncompressed_cache: 1,
}

/** Settings a session keeps for life. */
export function laneSettings(lane: LaneName, limits: EngineLimits): Record<string, SettingValue> {
  const common = {
    output_format_json_quote_64bit_integers: 1,
    async_insert: 0,
    // chDB turns these on for its shell; a server does not have them.
    implicit_select: 0,
    allow_introspection_functions: 0,
    max_memory_usage: limits.queryMemoryBytesMax,
  }
  if (lane === 'reader')
    return { ...common, ...PAGES, max_execution_time: limits.queryTimeMsMax / 1000 }
  // Only the memory of the whole engine limits an insert: refusing one for its size would not end its retries.
  if (lane === 'writer') return { ...common, max_memory_usage: 0 }
  if (lane !== 'adhoc') return common
  return {
    ...common,
    max_memory_usage: limits.adhocMemoryBytesMax,
    max_execution_time: limits.adhocTimeMsMax / 1000,
    max_result_rows: limits.adhocResultRowsMax,
    max_bytes_to_read: limits.adhocReadBytesMax,
    max_ast_depth: 500,
    max_ast_elements: 20_000,
    // 2, not 1: the front may still tighten a limit for one request; the guard refuses SETTINGS in SQL.
    readonly: 2,
  }
}

/** The server part of ClickHouse's configuration: pools and caches of a small machine. */
export function configXml(config: EngineConfig, paths: { spool: string; backups: string }): string {
  const mergeTree = {
    // An acknowledged insert is on the disk: 2 to 4 ms each, a fifth of the time at 10,000 rows.
    fsync_after_insert: 1,
    fsync_part_directory: 1,
    // Must not exceed the small merge pool below, else no table can be created.
    number_of_free_entries_in_pool_to_lower_max_size_of_merge: 2,
    number_of_free_entries_in_pool_to_execute_mutation: 2,
    number_of_free_entries_in_pool_to_execute_optimize_entire_partition: 2,
  }
  const server: Record<string, string | number> = {
    timezone: 'UTC',
    user_files_path: paths.spool,
    max_server_memory_usage: config.limits.memoryBytesMax,
    mark_cache_size: 64 * MIB,
    index_mark_cache_size: 16 * MIB,
    primary_index_cache_size: 64 * MIB,
    uncompressed_cache_size: 96 * MIB,
    index_uncompressed_cache_size: 0,
    mmap_cache_size: 0,
    query_condition_cache_size: 16 * MIB,
    compiled_expression_cache_size: 16 * MIB,
    background_pool_size: 2,
    background_merges_mutations_concurrency_ratio: 2,
    background_schedule_pool_size: 8,
    background_common_pool_size: 2,
    background_move_pool_size: 1,
    background_fetches_pool_size: 1,
    background_message_broker_schedule_pool_size: 1,
    background_distributed_schedule_pool_size: 1,
    tables_loader_foreground_pool_size: 2,
    tables_loader_background_pool_size: 1,
  }
  return [
    '<clickhouse>',
    ...Object.entries(server).map(([name, value]) => element(name, value)),
    '<merge_tree>',
    ...Object.entries(mergeTree).map(([name, value]) => element(name, value)),
    '</merge_tree>',
    `<backups>${element('allowed_path', paths.backups)}</backups>`,
    '<logger><level>none</level></logger>',
    '</clickhouse>',
    '',
  ].join('\n')
}

function element(name: string, value: string | number): string {
  const text = String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<${name}>${text}</${name}>`
}
