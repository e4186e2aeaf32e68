import type { Store, StoreCodec } from '#/processors/runtime/store.ts'

/**
 * Ids seen in the last 24 hours on one partition: an exact set of 64-bit hashes of (project, service, id). 2^64 is
 * wide enough that a million ids collide with a chance of 3 in 10^8. Time is the time of arrival, to the minute.
 *
 * Ids are kept in chunks in the order they came; a chunk is forgotten when its last id is older than a day, or when
 * there are more than `idsMax`: then the oldest go early and the window is shorter than a day.
 */
export interface Dedup {
  /** True when this id came within the last day; otherwise remembers it. */
  isRepeated(key: string, receivedAtMs: number): boolean
  readonly size: number
}

export interface DedupOptions {
  /** Ids remembered at most, 24 bytes of memory each. */
  idsMax?: number
  /** Told when ids are forgotten before their day is over. */
  onShortened?(count: number): void
}

const DEDUP_IDS_MAX = 1_000_000
export const DEDUP_WINDOW_MIN = 24 * 60
const CHUNK_IDS = 1024
const WORDS = 3
const MINUTE_MS = 60_000

export interface DedupChunk {
  /** Triples: two halves of the hash, minute of arrival. */
  words: Uint32Array
  count: number
}

export const dedupCodec: StoreCodec<DedupChunk> = {
  create: () => ({ words: new Uint32Array(CHUNK_IDS * WORDS), count: 0 }),
  encode: ({ words, count }) =>
    Buffer.from(words.slice(0, count * WORDS).buffer, 0, count * WORDS * 4),
  decode(bytes) {
    const words = new Uint32Array(CHUNK_IDS * WORDS)
    const count = bytes.length / (WORDS * 4)
    new Uint8Array(words.buffer).set(bytes)
    return { words, count }
  },
}

/** `store` holds the chunks by their number, zero-padded so that keys sort as numbers do. */
export function createDedup(store: Store<DedupChunk>, options: DedupOptions = {}): Dedup {
  return new ChunkedDedup(store, options)
}

class ChunkedDedup implements Dedup {
  readonly #store: Store<DedupChunk>
  readonly #idsMax: number
  readonly #onShortened: (count: number) => void
  readonly #table = new HashTable()
  /** Numbers of the chunks there are: `first` … `last`; no chunk when last < first. */
  #first = 0
  #last = -1
  #latestMin = 0

  constructor(store: Store<DedupChunk>, options: DedupOptions) {
    this.#store = store
    this.#idsMax = options.idsMax ?? DEDUP_IDS_MAX
    this.#onShortened = (count) => options.onShortened?.(count)
    const keys = store.keys()
    if (keys.length === 0) return
    this.#first = Number(keys[0])
    this.#last = Number(keys.at(-1))
    for (const key of keys) this.#index(store.get(key)!)
  }

  get size(): number {
    return this.#table.size
  }

  isRepeated(key: string, receivedAtMs: number): boolean {
    const minute = Math.max(0, Math.floor(receivedAtMs / MINUTE_MS)) >>> 0
    hash64(key)
    const [high, low] = [hashHigh, hashLow]
    const seen = this.#table.get(high, low)
    if (seen !== undefined && minute - seen < DEDUP_WINDOW_MIN) return true
    this.#append(high, low, minute)
    if (minute > this.#latestMin) {
      this.#latestMin = minute
      this.#forgetOld()
    }
    return false
  }

  #append(high: number, low: number, minute: number): void {
    let chunk = this.#last < this.#first ? undefined : this.#store.get(keyOf(this.#last))
    if (chunk === undefined || chunk.count === CHUNK_IDS) {
      this.#last += 1
      this.#forgetSurplus()
    }
    chunk = this.#store.take(keyOf(this.#last))
    const at = chunk.count * WORDS
    chunk.words[at] = high
    chunk.words[at + 1] = low
    chunk.words[at + 2] = minute
    chunk.count += 1
    this.#table.set(high, low, minute)
  }

  #forgetOld(): void {
    while (this.#first < this.#last) {
      const chunk = this.#store.get(keyOf(this.#first))
      const newest = chunk === undefined ? 0 : chunk.words[(chunk.count - 1) * WORDS + 2]!
      if (chunk !== undefined && this.#latestMin - newest < DEDUP_WINDOW_MIN) return
      this.#forgetFirst()
    }
  }

  #forgetSurplus(): void {
    while ((this.#last - this.#first + 1) * CHUNK_IDS > this.#idsMax && this.#first < this.#last) {
      this.#onShortened(this.#store.get(keyOf(this.#first))?.count ?? 0)
      this.#forgetFirst()
    }
  }

  #forgetFirst(): void {
    const chunk = this.#store.get(keyOf(this.#first))
    if (chunk !== undefined) {
      for (let at = 0; at < chunk.count * WORDS; at += WORDS)
        this.#table.delete(chunk.words[at]!, chunk.words[at + 1]!, chunk.words[at + 2]!)
      this.#store.delete(keyOf(this.#first))
    }
    this.#first += 1
  }

  #index({ words, count }: DedupChunk): void {
    for (let at = 0; at < count * WORDS; at += WORDS) {
      const minute = words[at + 2]!
      this.#table.set(words[at]!, words[at + 1]!, minute)
      if (minute > this.#latestMin) this.#latestMin = minute
    }
  }
}

function keyOf(chunk: number): string {
  return String(chunk).padStart(12, '0')
}

let hashHigh = 0
let hashLow = 0

/** Two multiplicative hashes with different constants, mixed at the end (murmur3's finaliser). */
function hash64(text: string): void {
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b + code, 0x5bd1e995) ^ (b >>> 13)
  }
  a = finish(a ^ text.length)
  b = finish(b ^ Math.imul(a, 0x27d4eb2f))
  hashHigh = a >>> 0
  hashLow = b >>> 0
}

function finish(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const SLOTS_FIRST = 1024
const LOAD_MAX = 0.6

/** Open addressing in one typed array; minute 0xffffffff marks a free slot. */
class HashTable {
  #mask = SLOTS_FIRST - 1
  #slots = emptySlots(SLOTS_FIRST)
  size = 0

  get(high: number, low: number): number | undefined {
    const at = this.#find(high, low)
    const minute = this.#slots[at + 2]!
    return minute === FREE ? undefined : minute
  }

  set(high: number, low: number, minute: number): void {
    let at = this.#find(high, low)
    if (this.#slots[at + 2] === FREE) {
      this.size += 1
      if (this.size > (this.#mask + 1) * LOAD_MAX) {
        this.#grow()
        at = this.#find(high, low)
      }
    }
    this.#slots[at] = high
    this.#slots[at + 1] = low
    this.#slots[at + 2] = minute
  }

  /** Only when the entry is still of that minute: an id that came again lives on. */
  delete(high: number, low: number, minute: number): void {
    let hole = this.#find(high, low)
    if (this.#slots[hole + 2] !== minute) return
    this.size -= 1
    // Entries behind the hole that would no longer be found move into it.
    for (let at = this.#after(hole); this.#slots[at + 2] !== FREE; at = this.#after(at)) {
      const home = (this.#slots[at + 1]! & this.#mask) * WORDS
      const isBetween = hole <= at ? home > hole && home <= at : home > hole || home <= at
      if (isBetween) continue
      this.#slots.copyWithin(hole, at, at + WORDS)
      hole = at
    }
    this.#slots[hole + 2] = FREE
  }

  #after(at: number): number {
    const next = at + WORDS
    return next === this.#slots.length ? 0 : next
  }

  #find(high: number, low: number): number {
    let at = (low & this.#mask) * WORDS
    while (
      this.#slots[at + 2] !== FREE &&
      (this.#slots[at] !== high || this.#slots[at + 1] !== low)
    )
      at = this.#after(at)
    return at
  }

  #grow(): void {
    const old = this.#slots
    const slotCount = (this.#mask + 1) * 2
    this.#slots = emptySlots(slotCount)
    this.#mask = slotCount - 1
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 2] === FREE) continue
      this.#slots.set(old.subarray(at, at + WORDS), this.#find(old[at]!, old[at + 1]!))
    }
  }
}

const FREE = 0xffffffff

function emptySlots(count: number): Uint32Array {
  return new Uint32Array(count * WORDS).fill(FREE)
}
