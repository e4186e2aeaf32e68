import type { ClickHouse } from './client.ts'
import { loadViews, onCluster, type DdlOptions } from './ddl.ts'
import { familyOf, type TableFamily } from './table-family.ts'

/** Rows of this partition with a lower offset are kept by a replay. */
export interface KeptOffsets {
  topic: string
  partition: number
  offset: number
}

export interface ContentHash {
  rows: number
  /** The same for the same rows, in whatever order and parts they lie. */
  hash: string
}

/** The twin of a table family that a replay fills. */
export interface Shadow {
  create(epoch: number, keep: readonly KeptOffsets[]): Promise<void>
  /** Puts the twins in the place of the live tables. Safe to run again when it was interrupted. */
  exchange(epoch: number): Promise<void>
  /** Puts the live tables back, as many as were exchanged. Safe to run again. */
  revert(epoch: number): Promise<void>
  drop(epoch: number): Promise<void>
  hash(epoch?: number): Promise<ContentHash>
  /** Rows of a twin, and the hash of what views made of them: what can not be told any more once others write. */
  measure(epoch: number): Promise<ContentHash>
  /** The live table's own rows that were written up to this epoch, without what views made of them. */
  hashUpTo(epoch: number): Promise<ContentHash>
}

export function shadowSuffix(epoch: number): string {
  return `__e${epoch}`
}

const marker = (epoch: number): string => `epoch ${epoch}`

export function createShadow(clickhouse: ClickHouse, base: string, options: DdlOptions): Shadow {
  const family = familyOf(base)
  const on = onCluster(options)
  const views = (suffix: string) =>
    loadViews(options, suffix).views.filter(({ statement }) =>
      new RegExp(`FROM ${base}${suffix}\\b`).test(statement),
    )

  const dropViews = async (suffix: string): Promise<void> => {
    for (const { name } of views(suffix))
      await clickhouse.command(`DROP VIEW IF EXISTS ${name}${on}`)
  }
  const makeViews = async (suffix: string): Promise<void> => {
    for (const { statement } of views(suffix)) await clickhouse.command(statement)
  }
  /** A twin carries its epoch as comment wherever it is, so that what was exchanged already can be told. */
  const exchangeWhere = async (
    epoch: number,
    isDue: (isTwin: boolean) => boolean,
  ): Promise<void> => {
    const suffix = shadowSuffix(epoch)
    // Views know their tables by identity: they are made again once every table has its new name.
    await dropViews(suffix)
    await dropViews('')
    const twins = await twinsOf(clickhouse, family, marker(epoch))
    for (const { table } of family.members) {
      if (isDue(twins.has(table)))
        await clickhouse.command(`EXCHANGE TABLES ${table} AND ${table}${suffix}${on}`)
    }
    await makeViews('')
  }

  return {
    async create(epoch, keep) {
      const suffix = shadowSuffix(epoch)
      await dropFamily(clickhouse, { family, suffix, on }, dropViews)
      for (const { table } of family.members) {
        await clickhouse.command(`CREATE TABLE ${table}${suffix}${on} AS ${table}`)
        await clickhouse.command(
          `ALTER TABLE ${table}${suffix}${on} MODIFY COMMENT '${marker(epoch)}'`,
        )
      }
      await makeViews(suffix)
      await copyKept(clickhouse, base, `${base}${suffix}`, keep)
    },
    exchange: (epoch) => exchangeWhere(epoch, (isTwin) => !isTwin),
    revert: (epoch) => exchangeWhere(epoch, (isTwin) => isTwin),
    drop: (epoch) => dropFamily(clickhouse, { family, suffix: shadowSuffix(epoch), on }, dropViews),
    hash: (epoch) => hashOf(clickhouse, family, epoch === undefined ? '' : shadowSuffix(epoch)),
    async measure(epoch) {
      const suffix = shadowSuffix(epoch)
      const [answer] = await clickhouse.query<{ rows: string }>(
        `SELECT count() AS rows FROM ${base}${suffix}`,
      )
      const [, ...derived] = family.members
      const { hash } = await hashOf(clickhouse, { base, members: derived }, suffix)
      return { rows: Number(answer?.rows ?? 0), hash }
    },
    hashUpTo: (epoch) => {
      const members = family.members.slice(0, 1).map(({ table, content }) => ({
        table,
        content: `${content} WHERE _epoch <= ${epoch}`,
      }))
      return hashOf(clickhouse, { base, members }, '')
    },
  }
}

async function dropFamily(
  clickhouse: ClickHouse,
  { family, suffix, on }: { family: TableFamily; suffix: string; on: string },
  dropViews: (suffix: string) => Promise<void>,
): Promise<void> {
  await dropViews(suffix)
  for (const { table } of family.members)
    await clickhouse.command(`DROP TABLE IF EXISTS ${table}${suffix}${on} SYNC`)
}

async function copyKept(
  clickhouse: ClickHouse,
  from: string,
  to: string,
  keep: readonly KeptOffsets[],
): Promise<void> {
  for (const { topic, partition, offset } of keep) {
    if (offset <= 0) continue
    await clickhouse.command(
      `INSERT INTO ${to} SELECT * FROM ${from} WHERE _topic = {topic:String} AND _partition = {partition:UInt16} AND _offset < {offset:UInt64}`,
      { params: { topic, partition, offset } },
    )
  }
}

/** Members whose live name belongs to a twin already. */
async function twinsOf(
  clickhouse: ClickHouse,
  { members }: TableFamily,
  comment: string,
): Promise<Set<string>> {
  const rows = await clickhouse.query<{ name: string }>(
    'SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN {tables:Array(String)} AND comment = {comment:String}',
    { params: { tables: members.map(({ table }) => table), comment } },
  )
  return new Set(rows.map(({ name }) => name))
}

async function hashOf(
  clickhouse: ClickHouse,
  family: TableFamily,
  suffix: string,
): Promise<ContentHash> {
  let rows = 0
  const hashes: string[] = []
  for (const { table, content } of family.members) {
    // A sum of row hashes does not depend on order, and unlike xor it notices a doubled row. As text, since the hash of
    // a row that holds a NULL would be NULL.
    const inner = content.replaceAll('{table}', `${table}${suffix}`)
    const [answer] = await clickhouse.query<{ rows: string; hash: string }>(
      `SELECT count() AS rows, hex(sum(cityHash64(toString(tuple(*))))) AS hash FROM (${inner})`,
    )
    if (table === family.base) rows = Number(answer?.rows ?? 0)
    hashes.push(`${table}=${answer?.hash ?? ''}`)
  }
  return { rows, hash: hashes.join(' ') }
}
