/**
 * The newest batches of all partitions, so that consumers in this process never touch the disk. Bounded in
 * bytes over all partitions; the oldest batch goes first, whosever it is, which also frees the blocks they share.
 */
export interface TailEntry {
  baseOffset: number
  lastOffset: number
  /** One encoded batch. */
  bytes: Buffer
}

/** The cached batches of one partition: dense, up to its end. */
export class Tail {
  /** Undefined before `#head`. */
  #entries: (TailEntry | undefined)[] = []
  #head = 0

  push(entry: TailEntry): void {
    this.#entries.push(entry)
  }

  shift(): TailEntry | undefined {
    const entry = this.#entries[this.#head]
    // At once, not when the list is cut: each entry holds the block it lies in, a megabyte for a tick.
    this.#entries[this.#head++] = undefined
    if (this.#head > 64 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    return entry
  }

  /** Empties it; returns what was in it. */
  clear(): readonly TailEntry[] {
    const entries = this.#held(this.#head, this.#entries.length)
    this.#entries = []
    this.#head = 0
    return entries
  }

  /** Batches from the one that holds `offset` on, up to `bytesMax` (at least one); empty when it is not cached. */
  from(offset: number, bytesMax: number): readonly TailEntry[] {
    let low = this.#head
    let high = this.#entries.length
    if (low === high || this.#entries[low]!.baseOffset > offset) return []
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#entries[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    let bytes = 0
    let end = low
    while (end < this.#entries.length) {
      bytes += this.#entries[end]!.bytes.length
      if (bytes > bytesMax && end > low) break
      end++
    }
    return this.#held(low, end)
  }

  #held(from: number, to: number): TailEntry[] {
    return this.#entries.slice(from, to) as TailEntry[]
  }
}

// What an entry costs besides its bytes (measured with many one-record batches).
const ENTRY_OVERHEAD_BYTES = 160

export class TailCache {
  readonly #bytesMax: number
  #bytes = 0
  /** Whose entry is the oldest: one element for each entry, in the order of appending. */
  #order: Tail[] = []
  #head = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(tail: Tail, entry: TailEntry): void {
    tail.push(entry)
    this.#order.push(tail)
    this.#bytes += entry.bytes.length + ENTRY_OVERHEAD_BYTES
    while (this.#bytes > this.#bytesMax) this.#evict()
  }

  /** Forgets one partition, whose stored bytes are not the same any more. */
  clear(tail: Tail): void {
    for (const entry of tail.clear()) this.#bytes -= entry.bytes.length + ENTRY_OVERHEAD_BYTES
    this.#order = this.#order.slice(this.#head).filter((other) => other !== tail)
    this.#head = 0
  }

  #evict(): void {
    const evicted = this.#order[this.#head++]?.shift()
    this.#bytes -= (evicted?.bytes.length ?? 0) + ENTRY_OVERHEAD_BYTES
    if (this.#head > 1024 && this.#head * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#head)
      this.#head = 0
    }
  }
}
