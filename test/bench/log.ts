import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { GroupMembership, Log, ProducedRecord } from '#/processors/log/port.ts'

/**
 * CPU and latency of the log: appends of n records, a three-hop chain (consume, commit outputs with offsets), and
 * single events that are grouped by the turn of the event loop. CPU time is of the whole process, all threads.
 */
const VALUE_BYTES = 300
const PARTITIONS = 4
const RUNS = 3

function records(count: number): ProducedRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: Buffer.from(`fingerprint-${index % 97}`),
    value: Buffer.alloc(VALUE_BYTES, index % 251),
    timestampMs: 1_800_000_000_000 + index,
  }))
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function percentile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? Number.NaN
}

async function declare(log: Log): Promise<void> {
  const limits = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
  const names = ['hop0', 'hop1', 'hop2', 'hop3']
  await log.createTopics(names.map((name) => ({ name, partitions: PARTITIONS, ...limits })))
}

async function appendMany(
  log: Log,
  batch: readonly ProducedRecord[],
  total: number,
): Promise<void> {
  for (let sent = 0, turn = 0; sent < total; sent += batch.length, turn++) {
    await log.append([{ topic: 'hop0', partition: turn % PARTITIONS, records: batch }])
  }
}

/** One hop of one partition: read, pass on, commit; until `total` records went through. */
async function runHop(
  log: Log,
  hop: {
    index: number
    partition: number
    total: number
    batch: number
    membership: GroupMembership
  },
): Promise<void> {
  const source = { topic: `hop${hop.index}`, partition: hop.partition }
  const target = { topic: `hop${hop.index + 1}`, partition: hop.partition }
  const bytesMax = hop.batch * (VALUE_BYTES + 30)
  for (let next = 0; next < hop.total;) {
    const read = await log.read(source, next, { bytesMax, waitMs: 1000 })
    if (read.length === 0) continue
    next += read.length
    await log.commit({
      membership: hop.membership,
      outputs: [{ ...target, records: read }],
      offsets: [{ ...source, offset: next, metadata: '' }],
    })
  }
}

async function threeHops(log: Log, batchSize: number, total: number): Promise<void> {
  const batch = records(batchSize)
  const each = total / PARTITIONS
  const hops: Promise<void>[] = []
  for (const index of [0, 1, 2]) {
    const membership = await log.join({
      group: `hop${index}`,
      topics: [`hop${index}`],
      onAssigned: async () => undefined,
      onRevoked: async () => undefined,
    })
    for (let partition = 0; partition < PARTITIONS; partition++) {
      hops.push(runHop(log, { index, partition, total: each, batch: batchSize, membership }))
    }
  }
  await appendMany(log, batch, total)
  await Promise.all(hops)
}

/** Single-event appends, `width` of them in flight. Returns latencies in milliseconds. */
async function singles(log: Log, width: number, total: number): Promise<number[]> {
  const [record] = records(1)
  const latencies: number[] = []
  const one = async (lane: number): Promise<void> => {
    for (let sent = 0; sent < total / width; sent++) {
      const startMs = performance.now()
      await log.append([{ topic: 'hop0', partition: lane % PARTITIONS, records: [record!] }])
      latencies.push(performance.now() - startMs)
    }
  }
  await Promise.all(Array.from({ length: width }, (_, lane) => one(lane)))
  return latencies
}

/** Single events arriving at a steady rate, whatever became of the earlier ones. Returns latencies. */
async function steady(log: Log, ratePerS: number, durationMs: number): Promise<number[]> {
  const [record] = records(1)
  const latencies: number[] = []
  const startMs = performance.now()
  const inFlight: Promise<void>[] = []
  const one = async (lane: number): Promise<void> => {
    const sentMs = performance.now()
    await log.append([{ topic: 'hop0', partition: lane % PARTITIONS, records: [record!] }])
    latencies.push(performance.now() - sentMs)
  }
  for (let elapsedMs = 0; elapsedMs < durationMs; elapsedMs = performance.now() - startMs) {
    const due = Math.floor((elapsedMs * ratePerS) / 1000)
    while (inFlight.length < due) inFlight.push(one(inFlight.length))
    await systemClock.sleep(1)
  }
  await Promise.all(inFlight)
  return latencies
}

type Open = () => Promise<{ log: Log; dispose: () => Promise<void> }>

function embedded(durability: 'write' | 'fsync'): Open {
  return async () => {
    const dir = mkdtempSync(join(tmpdir(), 'faultline-bench-'))
    const log = await openEmbeddedLog({ dir, clock: systemClock, durability })
    const dispose = async (): Promise<void> => {
      await log.close()
      rmSync(dir, { recursive: true })
    }
    return { log, dispose }
  }
}

async function memory(): ReturnType<Open> {
  const log = createMemoryLog({ clock: systemClock })
  return { log, dispose: () => log.close() }
}

function summary(latencies: readonly number[]): string {
  const [p50, p99, max] = [0.5, 0.99, 1].map((part) => percentile(latencies, part).toFixed(2))
  return `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`
}

/** Runs `work` on fresh logs; median CPU µs per record. */
async function measure(
  open: Open,
  total: number,
  work: (log: Log) => Promise<unknown>,
): Promise<number> {
  const costs: number[] = []
  for (let round = 0; round < RUNS; round++) {
    const { log, dispose } = await open()
    await declare(log)
    const before = cpuUs()
    await work(log)
    costs.push((cpuUs() - before) / total)
    await dispose()
  }
  return median(costs)
}

export async function run(print: (line: string) => void): Promise<void> {
  print(`log, ${VALUE_BYTES}-byte values, CPU µs per record (all threads), median of ${RUNS}`)
  print('case                                      embedded   memory')
  for (const size of [1, 50, 100, 1000]) {
    const total = size === 1 ? 8000 : 80_000
    const append = (log: Log): Promise<unknown> => appendMany(log, records(size), total)
    const chain = (log: Log): Promise<unknown> => threeHops(log, size, total)
    for (const [name, work] of [
      ['append', append],
      ['3 hops', chain],
    ] as const) {
      const cost = await measure(embedded('write'), total, work)
      const twin = await measure(memory, total, work)
      print(
        `${`${name}, batches of ${size}`.padEnd(42)}${cost.toFixed(2).padStart(8)} ${twin.toFixed(2).padStart(8)}`,
      )
    }
  }
  for (const width of [1, 50, 200, 1000]) {
    const total = width === 1 ? 4000 : 80_000
    const latencies: number[] = []
    const work = async (log: Log): Promise<void> => {
      latencies.push(...(await singles(log, width, total)))
    }
    const cost = await measure(embedded('write'), total, work)
    const name = `single events, ${width} in flight`.padEnd(42)
    print(`${name}${cost.toFixed(2).padStart(8)}   ${summary(latencies)}`)
  }
  for (const durability of ['write', 'fsync'] as const) {
    const { log, dispose } = await embedded(durability)()
    await declare(log)
    const latencies = await steady(log, 20_000, 4000)
    print(`20 k single events/s, ${durability}: ${summary(latencies)}`)
    await dispose()
  }
}

if (import.meta.main) await run((line) => process.stdout.write(`${line}\n`))
