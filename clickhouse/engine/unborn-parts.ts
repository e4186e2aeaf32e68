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
  return foldersOf(storeDir)
    .flatMap((prefix) => foldersOf(prefix))
    .flatMap(mendTable)
}

function mendTable(tableDir: string): string[] {
  const logDir = join(tableDir, 'deduplication_logs')
  if (!existsSync(logDir)) return []
  const born = readdirSync(tableDir).flatMap((name) => blocksOf(name) ?? [])
  const forgotten: string[] = []
  let left = NEWEST_LOOKED_AT
  for (const file of logsNewestFirst(logDir)) {
    if (left <= 0) break
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    const from = Math.max(0, lines.length - left)
    left -= lines.length - from
    const unborn = unbornOf(lines.slice(from), born)
    if (unborn.size === 0) continue
    // Not beside the log: ClickHouse reads every file in that folder as one.
    const next = join(tableDir, 'tmp_deduplication_log')
    writeFileSync(next, lines.flatMap((line) => (unborn.has(line) ? [] : `${line}\n`)).join(''))
    renameSync(next, file)
    forgotten.push(...Array.from(unborn, (line) => fieldsOf(line).part))
  }
  return forgotten
}

function unbornOf(entries: readonly string[], born: readonly Blocks[]): Set<string> {
  const fields = entries.map(fieldsOf)
  const dropped = new Set(fields.filter(({ kind }) => kind === DROP).map(({ part }) => part))
  const unborn = entries.filter((_, index) => {
    const { kind, part } = fields[index] ?? { kind: '', part: '' }
    const blocks = blocksOf(part)
    if (kind !== ADD || dropped.has(part) || blocks === undefined) return false
    return !born.some((other) => covers(other, blocks))
  })
  return new Set(unborn)
}

/** An entry is `kind TAB part TAB partition_hash`, one a line; a line that a full disk cut short is left out above. */
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

function foldersOf(dir: string): string[] {
  if (!existsSync(dir)) return []
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(dir, entry.name))
}
