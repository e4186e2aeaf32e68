import { writeSync } from 'node:fs'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import type { GroupMembership, Log, ProducedBatch, ProducedRecord } from '#/processors/log/port.ts'

/**
 * The process that the log's crash tests kill: appends batches of random sizes to several partitions at once,
 * copies one topic to another in commit units, counts in a compacted topic, and says on stdout what was acknowledged. `log.ts` judges.
 *
 * Arguments: data folder, seed, durability.
 */
const [dir = '', seed = '1', durability = 'write'] = process.argv.slice(2)
const random = createSeededRandom(Number(seed))
const LANES = 8
const PARTITIONS = 3

function recordOf(text: string): ProducedRecord {
  const padding = 'x'.repeat(random.int(400))
  const key = Buffer.from(`k${random.int(50)}`)
  return { key, value: Buffer.from(`${text} ${padding}`), timestampMs: systemClock.nowMs() }
}

/** Every record names its append and how many records that append has in all. */
async function appendForEver(log: Log, lane: number): Promise<void> {
  for (let count = 0; ; count++) {
    const id = `${seed}-${lane}-${count}`
    const partitions = Array.from({ length: 1 + random.int(PARTITIONS) }, (_, index) => index)
    const sizes = partitions.map(() => 1 + random.int(random.int(4) === 0 ? 60 : 3))
    const total = sizes.reduce((sum, size) => sum + size, 0)
    const batches: ProducedBatch[] = partitions.map((partition, index) => ({
      topic: 'source',
      partition,
      records: Array.from({ length: sizes[index]! }, () => recordOf(`${id} ${total}`)),
    }))
    await log.append(batches)
    // Synchronous, so that the line is out when the process is killed the moment after.
    writeSync(1, `${id} ${total}\n`)
  }
}

/** Copies record by record; the copy and the offset are one commit. */
async function copyForEver(
  log: Log,
  membership: GroupMembership,
  partition: number,
): Promise<void> {
  const tp = { topic: 'source', partition }
  let next = (await log.committed('copy', tp))?.offset ?? 0
  for (;;) {
    const bytesMax = 1 + random.int(20_000)
    const read = await log.read(tp, next, { bytesMax, waitMs: 100 })
    const last = read.at(-1)
    if (last === undefined) continue
    next = last.offset + 1
    const outputs = [{ topic: 'copy', partition, records: read }]
    const metadata = `{"hi":${next}}`
    await log.commit({ membership, outputs, offsets: [{ ...tp, offset: next, metadata }] })
  }
}

/** Counts up under a few keys of a compacted topic, with compaction and retention going on meanwhile. */
async function countForEver(log: Log): Promise<void> {
  for (let count = 0; ; count++) {
    const at = await log.endOffset({ topic: 'state', partition: 0 })
    const key = `k${at % 5}`
    const record = { key: Buffer.from(key), value: Buffer.from(String(at)), timestampMs: count }
    await log.append([{ topic: 'state', partition: 0, records: [record] }])
    writeSync(1, `state ${key} ${at}\n`)
    if (random.int(20) === 0) await log.maintain(systemClock.nowMs())
  }
}

const log = await openEmbeddedLog({
  dir,
  clock: systemClock,
  durability: durability === 'fsync' ? 'fsync' : 'write',
  segmentBytesMax: 100_000,
  syncIntervalMs: 20,
})
const unlimited = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
await log.createTopics(
  ['source', 'copy'].map((name) => ({ name, partitions: PARTITIONS, ...unlimited })),
)
await log.createTopics([{ name: 'state', ...unlimited, partitions: 1, compacted: true }])
const membership = await log.join({
  group: 'copy',
  topics: ['source'],
  onAssigned: async () => undefined,
  onRevoked: async () => undefined,
})
writeSync(1, 'ready\n')
await Promise.all([
  ...Array.from({ length: LANES }, (_, lane) => appendForEver(log, lane)),
  countForEver(log),
  ...Array.from({ length: PARTITIONS }, (_, partition) => copyForEver(log, membership, partition)),
])
