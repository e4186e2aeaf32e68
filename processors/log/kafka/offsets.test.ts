import { afterEach, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import type { Log } from '#/processors/log/port.ts'
import { A0, appendTexts, createTopic, TestLogs } from '#/processors/log/test-log.ts'
import { openFront } from '#/processors/log/wire/test-front.ts'
import type { FetchResult } from './api-records.ts'
import { Cluster } from './cluster.ts'
import type { SendOptions } from './cluster.ts'
import type { Api } from './api-cluster.ts'
import { Fetcher } from './fetcher.ts'
import type { FetchInput } from './fetcher.ts'
import { createTransport } from './kafka-log.ts'
import type { KafkaLogOptions } from './options.ts'
import { Offsets } from './offsets.ts'
import { Reader } from './reader.ts'

/** A broker that has just come back: it says nothing at first, without an error. */
class SilentFetcher extends Fetcher {
  silent = 0

  override async fetch(input: FetchInput, waitMs: number): Promise<FetchResult> {
    const result = await super.fetch(input, waitMs)
    if (this.silent === 0) return result
    this.silent -= 1
    return { ...result, records: Buffer.alloc(0) }
  }
}

class CountingCluster extends Cluster {
  fetches = 0

  override send<I, O>(node: number, api: Api<I, O>, input: I, options: SendOptions): Promise<O> {
    if (api.name === 'Fetch') this.fetches += 1
    return super.send(node, api, input, options)
  }
}

const logs = new TestLogs()
afterEach(() => logs.clean())

async function openSilent(): Promise<{
  embedded: Log
  cluster: CountingCluster
  fetcher: SilentFetcher
  close: () => Promise<void>
}> {
  const embedded = await logs.open(logs.newDir())
  await createTopic(embedded)
  const front = await openFront(embedded)
  const options: KafkaLogOptions = {
    brokers: [`127.0.0.1:${front.port}`],
    client: 'platformatic',
    clientId: 'test',
    clock: systemClock,
    random: systemRandom,
  }
  const cluster = new CountingCluster(await createTransport(options), options)
  const fetcher = new SilentFetcher(cluster, systemClock)
  const close = async (): Promise<void> => {
    await cluster.close()
    await front.close()
  }
  return { embedded, cluster, fetcher, close }
}

it('[LG110] an answer without records is not taken for the end of a partition', async () => {
  const { embedded, cluster, fetcher, close } = await openSilent()
  const offsets = new Offsets(cluster, fetcher)
  await appendTexts(embedded, ['a', 'b', 'c'])
  expect(await offsets.end(A0)).toBe(3)
  await appendTexts(embedded, ['d', 'e', 'f'])
  fetcher.silent = 2
  expect(await offsets.end(A0)).toBe(6)
  expect(fetcher.silent).toBe(0)
  await close()
})

it('[LG111] a read below the end is not empty because the broker said nothing once', async () => {
  const { embedded, cluster, fetcher, close } = await openSilent()
  const offsets = new Offsets(cluster, fetcher)
  const reader = new Reader({
    cluster,
    fetcher,
    clock: systemClock,
    closing: new AbortController().signal,
    rangeOf: async (tp) => ({ begin: await offsets.begin(tp), end: await offsets.end(tp) }),
  })
  await appendTexts(embedded, ['a', 'b', 'c'])
  fetcher.silent = 2
  const records = await reader.read(A0, 1, { bytesMax: 1000, waitMs: 0 })
  expect(records.map(({ value }) => String(value))).toEqual(['b', 'c'])
  expect(fetcher.silent).toBe(0)
  expect(await reader.read(A0, 3, { bytesMax: 1000, waitMs: 0 })).toEqual([])
  await close()
})

it('[LG113] who reads at the same place of a partition shares one request; another place needs another', async () => {
  const { embedded, cluster, close } = await openSilent()
  const fetcher = new Fetcher(cluster, systemClock)
  await appendTexts(embedded, ['a', 'b', 'c'])
  const read = async (...offsets: number[]): Promise<number[]> => {
    const wanted = offsets.map((offset) => fetcher.fetch({ ...A0, offset, bytesMax: 1000 }, 0))
    return (await Promise.all(wanted)).map(({ records }) => records.length)
  }
  await read(0)
  const before = cluster.fetches
  const [first, second, third] = await read(1, 1, 1)
  expect(cluster.fetches - before).toBe(1)
  expect(first).toBeGreaterThan(0)
  expect([second, third]).toEqual([first, first])
  await read(0, 1, 3)
  expect(cluster.fetches - before).toBe(4)
  await close()
})
