import type { Clock } from '#/kernel/clock.ts'
import type { GroupMembership, Log, ProducedRecord } from '#/processors/log/port.ts'
import { encodeCheckpoint, encodeEntry, loadState, stateTopicOf, tombstones } from './changelog.ts'
import { commitAsDriver, REPLAY_GROUP } from './replay-board.ts'
import type { DirtyEntry, PersistentStore, RestoredEntry } from './store.ts'

/** How far a replay has come, and what its next part is: with it the same records are read in the same order. */
export interface ReplayPlace {
  /** Next offset to read of each input partition, and where the part that was begun ends. */
  positions: Readonly<Record<string, number>>
  ends: Readonly<Record<string, number>>
  /** Next offset of each computed topic. */
  offsets: Readonly<Record<string, number>>
  rows: Readonly<Record<string, number>>
  records: number
}

export type SavedStores = ReadonlyMap<string, ReadonlyMap<string, RestoredEntry>>

export interface SavedReplay {
  place: ReplayPlace
  /** By host (`stage@topic@partition`), by store. */
  hosts: ReadonlyMap<string, SavedStores>
}

export interface ReplaySaverDeps {
  log: Log
  clock: Clock
  epoch: number
  membership: GroupMembership
}

/** Keeps a replay's state in a compacted topic of its own, as tasks keep theirs. */
export interface ReplaySaver {
  load(): Promise<SavedReplay | undefined>
  save(place: ReplayPlace, stores: Iterable<[host: string, PersistentStore]>): Promise<void>
  clear(): Promise<void>
}

const STATE = { topic: stateTopicOf(REPLAY_GROUP), partition: 0 }
const PLACE_STORE = 'replay'
const PLACE_KEY = 'place'
const COMMIT_BYTES = 4 << 20

export function createReplaySaver(deps: ReplaySaverDeps): ReplaySaver {
  const { log, clock, epoch, membership } = deps
  /** Under the driver's membership: one that lost its place cannot spoil what another one goes on from. */
  const commit = (records: readonly ProducedRecord[]): Promise<void> =>
    commitAsDriver(log, membership, [{ ...STATE, records }])
  const commitAll = async (records: Iterable<ProducedRecord>): Promise<void> => {
    let part: ProducedRecord[] = []
    let bytes = 0
    for (const record of records) {
      part.push(record)
      bytes += record.value?.length ?? 0
      if (bytes < COMMIT_BYTES) continue
      await commit(part)
      part = []
      bytes = 0
    }
    if (part.length > 0) await commit(part)
  }
  return {
    async load() {
      const { stores, checkpoint } = await loadState(log, STATE, '')
      const bytes = stores.get(PLACE_STORE)?.get(PLACE_KEY)?.bytes
      if (checkpoint?.epoch !== epoch || bytes === undefined) return undefined
      return { place: JSON.parse(String(bytes)) as ReplayPlace, hosts: byHost(stores) }
    },
    async save(place, stores) {
      const nowMs = clock.nowMs()
      await commitAll(changesOf(place, stores, { nowMs, epoch }))
    },
    async clear() {
      const nowMs = clock.nowMs()
      const left = await tombstones(log, STATE, nowMs)
      if (left.length === 0) return
      await commitAll([...left, encodeCheckpoint({ offset: 0, epoch }, nowMs)])
    },
  }
}

function* changesOf(
  place: ReplayPlace,
  stores: Iterable<[string, PersistentStore]>,
  { nowMs, epoch }: { nowMs: number; epoch: number },
): Generator<ProducedRecord> {
  for (const [host, store] of stores)
    for (const entry of store.takeDirty()) yield* encodeEntry(`${host}@${store.name}`, entry, nowMs)
  const bytes = Buffer.from(JSON.stringify(place))
  const entry: DirtyEntry = { key: PLACE_KEY, bytes, usedAt: 0 }
  yield* encodeEntry(PLACE_STORE, entry, nowMs)
  yield encodeCheckpoint({ offset: place.records, epoch }, nowMs)
}

function byHost(stores: SavedStores): Map<string, Map<string, ReadonlyMap<string, RestoredEntry>>> {
  const hosts = new Map<string, Map<string, ReadonlyMap<string, RestoredEntry>>>()
  for (const [name, entries] of stores) {
    const cut = name.lastIndexOf('@')
    if (cut < 0) continue
    const host = name.slice(0, cut)
    const own = hosts.get(host) ?? new Map<string, ReadonlyMap<string, RestoredEntry>>()
    own.set(name.slice(cut + 1), entries)
    hosts.set(host, own)
  }
  return hosts
}
