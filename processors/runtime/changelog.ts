import { assert } from '#/kernel/assert.ts'
import type { ConsumedRecord, Log, ProducedRecord, TopicPartition } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import type { DirtyEntry, RestoredEntry } from './store.ts'

/**
 * The changelog of a partition: a compacted topic that holds, per key of each store, its last bytes, and two
 * records of the runtime's own. `checkpoint` closes a set of entries and says up to which input offset they count;
 * entries without a checkpoint behind them were never finished and do not count. `progress` repeats the committed
 * offset, so that an offset set back by an outside tool is noticed.
 */
export interface Checkpoint {
  /** The next input record that is not in the state. */
  offset: number
  /** Of the replay that built the state. */
  epoch: number
}

export interface Progress {
  offset: number
  metadata: string
}

export interface RestoredState {
  stores: ReadonlyMap<string, ReadonlyMap<string, RestoredEntry>>
  checkpoint: Checkpoint | undefined
  progress: Progress | undefined
}

// Keys of stores never begin with NUL.
const CHECKPOINT_KEY = '\0checkpoint'
const PROGRESS_KEY = '\0progress/'
const CHUNK_MARK = '\0'
const CHUNK_BYTES = 256 * 1024
const READ_BYTES = 1024 * 1024
const VERSION = 1
const HEADER_BYTES = 13

export function stateTopicOf(stage: string): string {
  return `${stage}.state.v1`
}

// Keys are made of names strangers choose: NUL is ours, so theirs is written as SOH 1, and SOH as SOH 2.
// oxlint-disable-next-line no-control-regex
const RESERVED = /[\0\u0001]/g

function storeKey(store: string, key: string): string {
  const safe = key.replace(RESERVED, (char) => (char === '\0' ? '\u00011' : '\u00012'))
  return `${store}/${safe}`
}

function plainKey(safe: string): string {
  if (!safe.includes('\u0001')) return safe
  return safe.replaceAll('\u00011', '\0').replaceAll('\u00012', '\u0001')
}

/** Values larger than a chunk are cut; the first chunk says how many there are. */
export function encodeEntry(
  store: string,
  entry: DirtyEntry,
  timestampMs: number,
): ProducedRecord[] {
  const name = storeKey(store, entry.key)
  const key = Buffer.from(name)
  if (entry.bytes === null) return [{ key, value: null, timestampMs }]
  const chunkCount = Math.max(1, Math.ceil(entry.bytes.length / CHUNK_BYTES))
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = VERSION
  header.writeUInt32BE(chunkCount, 1)
  header.writeDoubleBE(entry.usedAt, 5)
  const first = Buffer.concat([header, entry.bytes.subarray(0, CHUNK_BYTES)])
  const records: ProducedRecord[] = [{ key, value: first, timestampMs }]
  for (let index = 1; index < chunkCount; index += 1) {
    const value = entry.bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
    records.push({ key: Buffer.from(`${name}${CHUNK_MARK}${index}`), value, timestampMs })
  }
  return records
}

export function encodeCheckpoint(checkpoint: Checkpoint, timestampMs: number): ProducedRecord {
  const value = Buffer.from(JSON.stringify(checkpoint))
  return { key: Buffer.from(CHECKPOINT_KEY), value, timestampMs }
}

/** Topics of one stage share its state topic, so progress is kept by topic. */
export function encodeProgress(
  topic: string,
  progress: Progress,
  timestampMs: number,
): ProducedRecord {
  const value = Buffer.from(JSON.stringify(progress))
  return { key: Buffer.from(PROGRESS_KEY + topic), value, timestampMs }
}

/** Calls `visit` with every record of a partition, oldest first, in bounded memory. */
export async function scanPartition(
  log: Log,
  tp: TopicPartition,
  visit: (record: ConsumedRecord) => void,
): Promise<void> {
  const end = await log.endOffset(tp)
  let from = await log.beginningOffset(tp)
  while (from < end) {
    const records = await readBelow(log, tp, { from, bytesMax: READ_BYTES })
    for (const record of records) visit(record)
    from = (records.at(-1)?.offset ?? end) + 1
  }
}

/** Reads a changelog partition back. Memory: the live entries, as bytes. */
export async function loadState(
  log: Log,
  tp: TopicPartition,
  inputTopic: string,
): Promise<RestoredState> {
  const committed = new Map<string, Buffer>()
  let open: [string, Buffer | null][] = []
  let checkpoint: Checkpoint | undefined
  let progress: Progress | undefined
  await scanPartition(log, tp, ({ key, value }) => {
    const name = String(key)
    if (name.startsWith(PROGRESS_KEY)) {
      if (name === PROGRESS_KEY + inputTopic) progress = JSON.parse(String(value)) as Progress
    } else if (name === CHECKPOINT_KEY) {
      checkpoint = JSON.parse(String(value)) as Checkpoint
      for (const [entryName, bytes] of open) {
        if (bytes === null) committed.delete(entryName)
        else committed.set(entryName, bytes)
      }
      open = []
    } else {
      open.push([name, value])
    }
  })
  return { stores: groupByStore(committed), checkpoint, progress }
}

function groupByStore(
  entries: ReadonlyMap<string, Buffer>,
): Map<string, Map<string, RestoredEntry>> {
  const stores = new Map<string, Map<string, RestoredEntry>>()
  for (const [name, value] of entries) {
    if (name.includes(CHUNK_MARK)) continue
    const slash = name.indexOf('/')
    const storeName = name.slice(0, slash)
    let store = stores.get(storeName)
    if (store === undefined) stores.set(storeName, (store = new Map()))
    store.set(plainKey(name.slice(slash + 1)), decodeEntry(name, value, entries))
  }
  return stores
}

function decodeEntry(
  name: string,
  first: Buffer,
  entries: ReadonlyMap<string, Buffer>,
): RestoredEntry {
  assert(first[0] === VERSION, `state entry ${name} is of version ${VERSION}`)
  const chunkCount = first.readUInt32BE(1)
  const parts = [first.subarray(HEADER_BYTES)]
  for (let index = 1; index < chunkCount; index += 1) {
    const part = entries.get(`${name}${CHUNK_MARK}${index}`)
    assert(part !== undefined, `chunk ${index} of state entry ${name} is there`)
    parts.push(part)
  }
  return {
    bytes: chunkCount === 1 ? parts[0]! : Buffer.concat(parts),
    usedAt: first.readDoubleBE(5),
  }
}

/** Tombstones for every store entry a changelog partition holds: what an installed state must not inherit. */
export async function tombstones(
  log: Log,
  tp: TopicPartition,
  timestampMs: number,
): Promise<ProducedRecord[]> {
  const live = new Set<string>()
  await scanPartition(log, tp, ({ key, value }) => {
    const name = String(key)
    if (name === CHECKPOINT_KEY || name.startsWith(PROGRESS_KEY)) return
    if (value === null) live.delete(name)
    else live.add(name)
  })
  return [...live].map((name) => ({ key: Buffer.from(name), value: null, timestampMs }))
}
