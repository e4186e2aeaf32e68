/** How a value becomes bytes. `decode(encode(v))` must behave as `v` does from then on. */
export interface StoreCodec<T> {
  create(key: string): T
  encode(value: T): Buffer
  decode(bytes: Buffer, key: string): T
  /** Keys kept; past it the keys used longest ago are forgotten, a tenth at a time. Default: no bound. */
  keysMax?: number
  /** Told before a key is forgotten at the bound. */
  onForgotten?(key: string): void
}

/**
 * Keyed state of one partition, in memory, with a memory of what changed. Values restored from the changelog stay
 * bytes until they are asked for, so that idle keys cost nothing but their bytes.
 */
export interface Store<T> {
  readonly size: number
  /** For reading; changes made to the value are not remembered. */
  get(key: string): T | undefined
  /** For changing: creates it when missing, and marks it as changed. */
  take(key: string): T
  /**
   * As `take`, but a value that was used not long ago is not marked as changed: for values that say themselves
   * whether they changed, which then are `take`n as well.
   */
  use(key: string): T
  put(key: string, value: T): void
  delete(key: string): void
  /** All keys, sorted, so that going through them gives the same order on every run. */
  keys(): readonly string[]
}

/** What the task sees of a store: it persists without knowing the values. */
export interface PersistentStore {
  readonly name: string
  /** Keys changed since the last `takeDirty`; `bytes` is null for deleted ones. */
  takeDirty(): Iterable<DirtyEntry>
  /** Everything, changed or not. */
  all(): Iterable<DirtyEntry>
  readonly dirtyCount: number
  /** Tells the store how far input has come; ages keys. */
  setNow(sequence: number): void
}

export interface DirtyEntry {
  key: string
  bytes: Buffer | null
  /** When the key was last taken, in the input's own count. */
  usedAt: number
}

export interface RestoredEntry {
  bytes: Buffer
  usedAt: number
}

interface Slot<T> {
  value: T | undefined
  bytes: Buffer | undefined
  usedAt: number
}

const FORGET_SHARE = 0.1
/** How exactly `use` remembers when a key was used, in records. */
const USE_STEP = 50_000

class KeyedStore<T> implements Store<T>, PersistentStore {
  readonly name: string
  readonly #codec: StoreCodec<T>
  readonly #slots = new Map<string, Slot<T>>()
  readonly #dirty = new Set<string>()
  #sorted: string[] | undefined
  #now = 0

  constructor(
    name: string,
    codec: StoreCodec<T>,
    restored: ReadonlyMap<string, RestoredEntry> | undefined,
  ) {
    this.name = name
    this.#codec = codec
    for (const [key, { bytes, usedAt }] of restored ?? [])
      this.#slots.set(key, { value: undefined, bytes, usedAt })
  }

  get size(): number {
    return this.#slots.size
  }

  get dirtyCount(): number {
    return this.#dirty.size
  }

  setNow(sequence: number): void {
    this.#now = sequence
  }

  get(key: string): T | undefined {
    const slot = this.#slots.get(key)
    return slot === undefined ? undefined : this.#value(key, slot)
  }

  take(key: string): T {
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = { value: this.#codec.create(key), bytes: undefined, usedAt: this.#now }
      this.#insert(key, slot)
    }
    slot.usedAt = this.#now
    this.#dirty.add(key)
    return this.#value(key, slot)
  }

  use(key: string): T {
    const slot = this.#slots.get(key)
    if (slot === undefined || this.#now - slot.usedAt >= USE_STEP) return this.take(key)
    return this.#value(key, slot)
  }

  put(key: string, value: T): void {
    const slot = this.#slots.get(key)
    this.#dirty.add(key)
    if (slot === undefined) {
      this.#insert(key, { value, bytes: undefined, usedAt: this.#now })
    } else {
      slot.value = value
      slot.bytes = undefined
      slot.usedAt = this.#now
    }
  }

  delete(key: string): void {
    if (!this.#slots.delete(key)) return
    this.#dirty.add(key)
    this.#sorted = undefined
  }

  keys(): readonly string[] {
    this.#sorted ??= [...this.#slots.keys()].toSorted()
    return this.#sorted
  }

  *takeDirty(): Generator<DirtyEntry> {
    for (const key of this.#dirty) {
      this.#dirty.delete(key)
      yield this.#entry(key)
    }
  }

  *all(): Generator<DirtyEntry> {
    this.#dirty.clear()
    for (const key of this.#slots.keys()) yield this.#entry(key)
  }

  #entry(key: string): DirtyEntry {
    const slot = this.#slots.get(key)
    if (slot === undefined) return { key, bytes: null, usedAt: this.#now }
    const bytes = slot.value === undefined ? slot.bytes : this.#codec.encode(slot.value)
    return { key, bytes: bytes ?? Buffer.alloc(0), usedAt: slot.usedAt }
  }

  #value(key: string, slot: Slot<T>): T {
    if (slot.bytes !== undefined) {
      slot.value = this.#codec.decode(slot.bytes, key)
      slot.bytes = undefined
    }
    return slot.value as T
  }

  #insert(key: string, slot: Slot<T>): void {
    const { keysMax } = this.#codec
    if (keysMax !== undefined && this.#slots.size >= keysMax) this.#forget(keysMax)
    this.#slots.set(key, slot)
    this.#sorted = undefined
  }

  /** Ordered by use and then by key, so that every run forgets the same ones. */
  #forget(keysMax: number): void {
    const oldest = [...this.#slots]
      .toSorted(([keyA, a], [keyB, b]) => a.usedAt - b.usedAt || (keyA < keyB ? -1 : 1))
      .slice(0, Math.max(1, Math.floor(keysMax * FORGET_SHARE)))
    for (const [key] of oldest) {
      this.#codec.onForgotten?.(key)
      this.delete(key)
    }
  }
}

/** `restored` is what the changelog held for this store. */
export function createStore<T>(
  name: string,
  codec: StoreCodec<T>,
  restored?: ReadonlyMap<string, RestoredEntry>,
): Store<T> & PersistentStore {
  return new KeyedStore(name, codec, restored)
}

/** Values that are plain JSON. */
export function jsonCodec<T>(create: (key: string) => T): StoreCodec<T> {
  return {
    create,
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(bytes.toString()) as T,
  }
}
