import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import type { OffsetCommit, TopicConfig } from './port.ts'

export interface PartitionRow {
  id: number
  topic: string
  partition: number
  begin_offset: number
  end_offset: number
  active_bytes: number
}

export interface SegmentRow {
  partition_id: number
  base_offset: number
  file: string
  bytes: number
  end_offset: number
  timestamp_ms_max: number | null
  created_ms: number
  bytes_indexed: number
}

export interface GroupOffsetRow extends OffsetCommit {
  group_name: string
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS topic (
  name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, retention_ms REAL, retention_bytes REAL,
  compacted INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS partition (
  id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
  begin_offset INTEGER NOT NULL DEFAULT 0, end_offset INTEGER NOT NULL DEFAULT 0,
  active_bytes INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition)
) STRICT;
CREATE TABLE IF NOT EXISTS segment (
  partition_id INTEGER NOT NULL, base_offset INTEGER NOT NULL, file TEXT NOT NULL, bytes INTEGER NOT NULL,
  end_offset INTEGER NOT NULL, timestamp_ms_max REAL, created_ms REAL NOT NULL,
  bytes_indexed INTEGER NOT NULL, position_index BLOB, PRIMARY KEY (partition_id, base_offset)
) STRICT;
CREATE TABLE IF NOT EXISTS group_offset (
  group_name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
  metadata TEXT NOT NULL, PRIMARY KEY (group_name, topic, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS front_note (
  kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
`

/** SQLite has no Infinity in JSON nor a good one in text; NULL stands for "no limit". */
function limit(value: number): number | null {
  return value === Infinity ? null : value
}

function unlimited(value: unknown): number {
  return typeof value === 'number' ? value : Infinity
}

/**
 * The small database beside the segments: what exists, up to where it counts, who has read what. The exclusive
 * lock it holds is what keeps a second process out; it falls with the process, however that ends.
 */
export class Meta {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #transactions = 0

  /** Throws SQLite's error when another process holds the database. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 0 })
    this.#db.exec(
      'PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;',
    )
    // A checkpoint syncs on the calling thread; embedded-sync.ts does it at a good time, this is the last resort.
    this.#db.exec('PRAGMA wal_autocheckpoint=32768; PRAGMA temp_store=MEMORY;')
    this.#db.exec('BEGIN IMMEDIATE')
    this.#db.exec(SCHEMA)
    this.#db.exec('COMMIT')
  }

  /** All or nothing. */
  transaction(work: () => void): void {
    this.#run('BEGIN IMMEDIATE')
    try {
      work()
      this.#run('COMMIT')
      this.#transactions++
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  topics(): TopicConfig[] {
    return this.#all('SELECT * FROM topic ORDER BY name').map((row) => ({
      name: String(row['name']),
      partitions: Number(row['partitions']),
      retentionMs: unlimited(row['retention_ms']),
      retentionBytes: unlimited(row['retention_bytes']),
      compacted: row['compacted'] === 1,
    }))
  }

  putTopic(topic: TopicConfig): void {
    this.#run(
      'INSERT OR REPLACE INTO topic (name, partitions, retention_ms, retention_bytes, compacted) VALUES (?,?,?,?,?)',
      topic.name,
      topic.partitions,
      limit(topic.retentionMs),
      limit(topic.retentionBytes),
      topic.compacted ? 1 : 0,
    )
  }

  partitions(): PartitionRow[] {
    return this.#all(
      'SELECT * FROM partition ORDER BY topic, partition',
    ) as unknown as PartitionRow[]
  }

  /** Returns the id of the new partition. */
  addPartition(topic: string, partition: number): number {
    const done = this.#prepare('INSERT INTO partition (topic, partition) VALUES (?,?)').run(
      topic,
      partition,
    )
    return Number(done.lastInsertRowid)
  }

  setEnd(id: number, end: number, activeBytes: number): void {
    this.#run('UPDATE partition SET end_offset=?, active_bytes=? WHERE id=?', end, activeBytes, id)
  }

  setBegin(id: number, begin: number): void {
    this.#run('UPDATE partition SET begin_offset=? WHERE id=?', begin, id)
  }

  segments(partitionId: number): SegmentRow[] {
    return this.#all(
      'SELECT partition_id, base_offset, file, bytes, end_offset, timestamp_ms_max, created_ms, bytes_indexed ' +
        'FROM segment WHERE partition_id=? ORDER BY base_offset',
      partitionId,
    ) as unknown as SegmentRow[]
  }

  positionIndex(partitionId: number, baseOffset: number): Uint8Array | undefined {
    const [row] = this.#all(
      'SELECT position_index FROM segment WHERE partition_id=? AND base_offset=?',
      partitionId,
      baseOffset,
    )
    return row?.['position_index'] instanceof Uint8Array ? row['position_index'] : undefined
  }

  putSegment(row: SegmentRow, positionIndex: Uint8Array | null): void {
    this.#run(
      'INSERT OR REPLACE INTO segment VALUES (?,?,?,?,?,?,?,?,?)',
      row.partition_id,
      row.base_offset,
      row.file,
      row.bytes,
      row.end_offset,
      row.timestamp_ms_max,
      row.created_ms,
      row.bytes_indexed,
      positionIndex,
    )
  }

  /** A segment will grow no more; its index follows when it is on the medium. */
  sealSegment(row: SegmentRow): void {
    this.#run(
      'UPDATE segment SET bytes=?, end_offset=?, timestamp_ms_max=? WHERE partition_id=? AND base_offset=?',
      row.bytes,
      row.end_offset,
      row.timestamp_ms_max,
      row.partition_id,
      row.base_offset,
    )
  }

  deleteSegment(partitionId: number, baseOffset: number): void {
    this.#run('DELETE FROM segment WHERE partition_id=? AND base_offset=?', partitionId, baseOffset)
  }

  groupOffsets(): GroupOffsetRow[] {
    return this.#all('SELECT * FROM group_offset') as unknown as GroupOffsetRow[]
  }

  putOffset(group: string, { topic, partition, offset, metadata }: OffsetCommit): void {
    this.#run(
      'INSERT INTO group_offset VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET offset=excluded.offset, ' +
        'metadata=excluded.metadata',
      group,
      topic,
      partition,
      offset,
      metadata,
    )
  }

  /** A topic with all that is known of it; its files are the caller's to remove. */
  deleteTopic(topic: string): void {
    const ids = 'SELECT id FROM partition WHERE topic=?'
    this.#run(`DELETE FROM segment WHERE partition_id IN (${ids})`, topic)
    this.#run('DELETE FROM partition WHERE topic=?', topic)
    this.#run('DELETE FROM topic WHERE name=?', topic)
    this.#run('DELETE FROM group_offset WHERE topic=?', topic)
  }

  /** What the Kafka front remembers; see LogFront. */
  frontNotes(): { kind: string; key: string; value: string }[] {
    const sql = 'SELECT kind, key, value FROM front_note'
    return this.#all(sql) as { kind: string; key: string; value: string }[]
  }

  putFrontNote(kind: string, key: string, value: string | null): void {
    if (value === null) this.#run('DELETE FROM front_note WHERE kind=? AND key=?', kind, key)
    else this.#run('INSERT OR REPLACE INTO front_note VALUES (?,?,?)', kind, key, value)
  }

  /** Since the last checkpoint: a measure of the write-ahead log. */
  get transactions(): number {
    return this.#transactions
  }

  /** A copy as of now, in a file of its own. */
  copyTo(path: string): void {
    this.#db.prepare('VACUUM INTO ?').run(path)
  }

  /** Moves the write-ahead log into the database; syncs on this thread. */
  checkpoint(): void {
    this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)')
    this.#transactions = 0
  }

  close(): void {
    this.#db.close()
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) this.#statements.set(sql, (statement = this.#db.prepare(sql)))
    return statement
  }

  #run(sql: string, ...values: (string | number | null | Uint8Array)[]): void {
    this.#prepare(sql).run(...values)
  }

  #all(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
    return this.#prepare(sql).all(...values)
  }
}
