import type { TopicPartition } from '#/processors/log/port.ts'
import { EARLIEST, LATEST, LIST_OFFSETS } from './api-records.ts'
import { decodeFetched } from './batches.ts'
import { BrokerError, checkCode, CODE, isBrokerError } from './broker-error.ts'
import type { Cluster } from './cluster.ts'
import { loadCodec } from './compression.ts'
import type { Fetcher } from './fetcher.ts'

const LOOK_BYTES = 64 * 1024

/**
 * Where partitions begin and end. A broker's end counts the markers of transactions, which nobody can read; ours is
 * behind the last record, so that who has read everything has no lag.
 */
export class Offsets {
  readonly #cluster: Cluster
  readonly #fetcher: Fetcher
  /** The end last found, with what the broker said then. */
  readonly #ends = new Map<string, { stable: number; end: number }>()

  constructor(cluster: Cluster, fetcher: Fetcher) {
    this.#cluster = cluster
    this.#fetcher = fetcher
  }

  begin(tp: TopicPartition): Promise<number> {
    return this.#at(tp, EARLIEST)
  }

  async end(tp: TopicPartition): Promise<number> {
    const key = `${tp.topic}/${tp.partition}`
    const stable = await this.#at(tp, LATEST)
    const known = this.#ends.get(key)
    if (known?.stable === stable) return known.end
    const begin = await this.begin(tp)
    const what = `end of ${tp.topic}/${tp.partition}`
    const end = await this.#cluster.retry(
      () => this.#endOfRecords(tp, { begin, stable, least: known?.end ?? begin }),
      { what },
    )
    this.#ends.set(key, { stable, end })
    return end
  }

  /** The first offset at or after the timestamp; the end when there is none. */
  async forTimestamp(tp: TopicPartition, timestampMs: number): Promise<number> {
    const found = await this.#at(tp, Math.max(0, timestampMs))
    const end = await this.end(tp)
    // A marker has a time too, and may be found behind the last record.
    return found < 0 ? end : Math.min(found, end)
  }

  async #at(tp: TopicPartition, timestampMs: number): Promise<number> {
    await this.#cluster.checkPartition(tp)
    const what = `offset of ${tp.topic}/${tp.partition}`
    return this.#cluster.retry(
      async () => {
        const node = await this.#cluster.leaderOf(tp)
        const [result] = await this.#cluster.send(node, LIST_OFFSETS, [{ ...tp, timestampMs }], {
          lane: 'main',
        })
        if (result?.error === CODE.notLeader) this.#cluster.forgetTopic(tp.topic)
        checkCode('ListOffsets', result?.error ?? -1)
        return result!.offset
      },
      { what },
    )
  }

  /** Goes back from the stable end in growing steps until there is a record; nothing is below `least`. */
  async #endOfRecords(
    tp: TopicPartition,
    { begin, stable, least }: { begin: number; stable: number; least: number },
  ): Promise<number> {
    let upTo = stable
    for (let step = 1; upTo > Math.max(begin, 0); step *= 4) {
      const from = Math.max(begin, stable - step)
      const last = await this.#lastRecord(tp, from, upTo)
      if (last !== undefined) return last + 1
      if (from <= Math.min(least, stable)) break
      upTo = from
    }
    // Only markers, or nothing at all: what retention took ended no later than the beginning.
    return Math.max(begin, Math.min(least, stable))
  }

  async #lastRecord(tp: TopicPartition, from: number, to: number): Promise<number | undefined> {
    let last: number | undefined
    let bytesMax = LOOK_BYTES
    for (let next = from; next < to;) {
      const result = await this.#look(tp, next, bytesMax)
      if (result.error === CODE.offsetOutOfRange) return last
      const decoded = decodeFetched(result, next)
      if (decoded.missing !== undefined) {
        await loadCodec(decoded.missing)
        continue
      }
      if (decoded.bytesWanted > bytesMax) {
        bytesMax = decoded.bytesWanted
        continue
      }
      for (const { offset } of decoded.records) if (offset < to) last = offset
      // Below the stable end something always comes. A broker that has just come back may say nothing at first:
      // an end found then would be too low, and work that was done would be done again.
      if (decoded.next === next) throw new BrokerError('Fetch', CODE.offsetNotAvailable)
      next = decoded.next
    }
    return last
  }

  #look(tp: TopicPartition, offset: number, bytesMax: number) {
    const what = `end of ${tp.topic}/${tp.partition}`
    return this.#cluster.retry(
      async () => {
        try {
          const result = await this.#fetcher.fetch({ ...tp, offset, bytesMax }, 0)
          if (result.error !== CODE.offsetOutOfRange && result.error !== CODE.none)
            throw new BrokerError('Fetch', result.error)
          return result
        } catch (error) {
          if (isBrokerError(error, CODE.notLeader)) this.#cluster.forgetTopic(tp.topic)
          throw error
        }
      },
      { what },
    )
  }
}
