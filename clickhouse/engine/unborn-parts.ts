import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * MergeTree without replication writes the token of a block into the table's deduplication log *before* the
 * block's part gets its name. Killed between the two, the table knows the token and has no rows: the same block
 * sent again under the same token is taken for a duplicate, answered with success, and lost. So entries whose
 * part was never born are taken out of the log while nobody has the tables open, and the block sent again counts.
 *
 * An entry is unborn when no folder of a part covers its blocks; a merge or mutation leaves a part with the same
 * blocks or more. Parts that were dropped on purpose have a DROP entry behind them. Only the newest entries are
 * looked at: an insert in flight at the kill is among the last of its table.
 */
const NEWEST_LOOKED_AT = 64

/** Ids of partitions hold no underscore (dates, numbers, `all`, or a hash), and a mutated part has a fifth field. */
const PART = /^(?<partition>[^_]+)_(?<min>\d+)_(?<max>\d+)_\d+(?:_\d+)?$/
/** What a full disk cut short, or two of them in one line, ClickHouse could not read, and would not open the table. */
const ENTRY = /^[12]\t[^\t]+\t[^\t]+$/
const ASIDE = /^broken-on-start_(?<part>.+?)(?:_try\d+)?$/
const LOG = /^deduplication_log_(?<number>\d+)\.txt$/
const [ADD, DROP] = ['1', '2']

/** Blocks of one partition of a table, both ends included. */
interface Blocks {
  partition: string
  min: number
  max: number
}

/**
 * Mends every table below `storeDir` (`store/<3 letters>/<uuid>`, where Atomic databases keep them).
 * @returns the names of the parts whose tokens were forgotten, for the log.
 */
export function forgetUnbornParts(storeDir: string): string[] {
  return tablesOf(storeDir).flatMap(mendTable)
}

/**
 * Parts that ClickHouse put aside as broken when it opened the tables, of which it still knows the tokens: those of a
 * full disk, ended before they were mended. A process that opens the tables after these were forgotten is needed.
 */
export function unbornAtStart(storeDir: string): string[] {
  return tablesOf(storeDir).flatMap((tableDir) => {
    const aside = join(tableDir, 'detached')
    const broken = existsSync(aside)
      ? readdirSync(aside).flatMap((name) => ASIDE.exec(name)?.groups?.['part'] ?? [])
      : []
    if (broken.length === 0) return []
    const unborn = readLogs(tableDir).flatMap((log) =>
      Array.from(log.unborn, (line) => fieldsOf(line).part),
    )
    return unborn.filter((part) => broken.includes(part))
  })
}

function mendTable(tableDir: string): string[] {
  const forgotten: string[] = []
  for (const { file, text, lines, unborn } of readLogs(tableDir)) {
    const kept = lines.flatMap((line) => (unborn.has(line) ? [] : `${line}\n`)).join('')
    if (kept === text) continue
    // Not beside the log: ClickHouse reads every file in that folder as one.
    const next = join(tableDir, 'tmp_deduplication_log')
    writeFileSync(next, kept)
    renameSync(next, file)
    forgotten.push(...Array.from(unborn, (line) => fieldsOf(line).part))
  }
  return forgotten
}

interface TokenLog {
  file: string
  text: string
  /** Its entries that can be read. */
  lines: string[]
  unborn: Set<string>
}

/** The newest logs of a table. */
function readLogs(tableDir: string): TokenLog[] {
  const logDir = join(tableDir, 'deduplication_logs')
  if (!existsSync(logDir)) return []
  const born = readdirSync(tableDir).flatMap((name) => blocksOf(name) ?? [])
  const dropped = new Set<string>()
  const logs: TokenLog[] = []
  let left = NEWEST_LOOKED_AT
  for (const file of logsNewestFirst(logDir)) {
    if (left <= 0) break
    const text = readFileSync(file, 'utf8')
    const lines = text.split('\n').filter((line) => ENTRY.test(line))
    const from = Math.max(0, lines.length - left)
    left -= lines.length - from
    logs.push({ file, text, lines, unborn: unbornOf(lines.slice(from), born, dropped) })
  }
  return logs
}

/** `dropped` holds the parts that later entries drop. */
function unbornOf(
  entries: readonly string[],
  born: readonly Blocks[],
  dropped: Set<string>,
): Set<string> {
  const unborn = entries.toReversed().filter((entry) => {
    const { kind, part } = fieldsOf(entry)
    if (kind === DROP) dropped.add(part)
    const blocks = blocksOf(part)
    if (kind !== ADD || blocks === undefined) return false
    // Its name may have been another's, dropped before.
    if (dropped.delete(part)) return false
    return !born.some((other) => covers(other, blocks))
  })
  return new Set(unborn)
}

/** An entry is `kind TAB part TAB partition_hash`, one a line. */
function fieldsOf(entry: string): { kind: string; part: string } {
  const [kind = '', part = ''] = entry.split('\t')
  return { kind, part }
}

function blocksOf(part: string): Blocks | undefined {
  const groups = PART.exec(part)?.groups
  if (groups === undefined) return undefined
  const { partition = '', min, max } = groups
  return { partition, min: Number(min), max: Number(max) }
}

function covers(whole: Blocks, part: Blocks): boolean {
  return whole.partition === part.partition && whole.min <= part.min && whole.max >= part.max
}

function logsNewestFirst(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => LOG.test(name))
    .toSorted((a, b) => logNumberOf(b) - logNumberOf(a))
    .map((name) => join(dir, name))
}

function logNumberOf(name: string): number {
  return Number(LOG.exec(name)?.groups?.['number'])
}

function tablesOf(storeDir: string): string[] {
  return foldersOf(storeDir).flatMap((prefix) => foldersOf(prefix))
}

function foldersOf(dir: string): string[] {
  if (!existsSync(dir)) return []
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(dir, entry.name))
}
