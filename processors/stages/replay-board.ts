import type { Clock } from '#/kernel/clock.ts'
import type { ConsumedRecord, Log, ProducedRecord } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { BOARD, commitAsDriver } from '#/processors/runtime/replay-board.ts'
import type {
  BoardChange,
  ReplayBoard,
  ReplayOrder,
  ReplayRecord,
  ReplayWish,
} from '#/processors/runtime/replay-board.ts'
import { encode } from '#/schemas/codec.ts'
import { createRecordReader } from './record-reader.ts'
import type { RecordReader, SchemaSource } from './record-reader.ts'

export interface ReplayBoardDeps {
  log: Log
  clock: Clock
  schemas: SchemaSource
}

const FIRST_EPOCH = 1
const READ_BYTES = 1 << 20
const RECORD_KEY = 'replay/current'
const ORDER_KEY = 'replay_order/current'
const WISH_PREFIX = 'replay_wish/'
const EPOCH_PREFIX = 'epoch/'

/** Opens the board and reads what it holds. */
export async function openReplayBoard(deps: ReplayBoardDeps): Promise<ReplayBoard> {
  const board = new ConfigBoard(deps)
  await board.refresh()
  return board
}

class ConfigBoard implements ReplayBoard {
  readonly #deps: ReplayBoardDeps
  readonly #reader: RecordReader<{ kind: string; id: string; at: number; value: string }>
  readonly #epochs = new Map<string, number>()
  readonly #wishes = new Map<string, ReplayWish>()
  #record: ReplayRecord | undefined
  #order: ReplayOrder | undefined
  #highest = FIRST_EPOCH
  #position = 0
  #version = 0

  constructor(deps: ReplayBoardDeps) {
    this.#deps = deps
    this.#reader = createRecordReader('ConfigEntry', deps.schemas)
  }

  get version(): number {
    return this.#version
  }

  async refresh(): Promise<void> {
    const { log } = this.#deps
    const end = await log.endOffset(BOARD)
    while (this.#position < end) {
      const from = Math.max(this.#position, await log.beginningOffset(BOARD))
      if (from >= end) return
      await this.#take(await readBelow(log, BOARD, { from, bytesMax: READ_BYTES }))
    }
  }

  async next(
    seen: number,
    { waitMs, signal }: { waitMs: number; signal: AbortSignal },
  ): Promise<void> {
    if (this.#version !== seen) return
    const from = Math.max(this.#position, await this.#deps.log.beginningOffset(BOARD))
    await this.#take(
      await this.#deps.log.read(BOARD, from, { bytesMax: READ_BYTES, waitMs, signal }),
    )
  }

  epochOf(group: string): number {
    return this.#epochs.get(group) ?? FIRST_EPOCH
  }

  freshEpoch(): number {
    return this.#highest + 1
  }

  current(): ReplayRecord | undefined {
    return this.#record
  }

  wishes(): readonly ReplayWish[] {
    return [...this.#wishes.values()]
  }

  orderFor(epoch: number): ReplayOrder['order'] | undefined {
    return this.#order?.epoch === epoch ? this.#order.order : undefined
  }

  async post(wish: Omit<ReplayWish, 'atMs'>): Promise<void> {
    const atMs = this.#deps.clock.nowMs()
    await this.#append(this.#entry(WISH_PREFIX + wish.id, { ...wish, atMs }))
  }

  async order(order: ReplayOrder): Promise<void> {
    await this.#append(this.#entry(ORDER_KEY, order))
  }

  async write(change: BoardChange, membership: Parameters<ReplayBoard['write']>[1]): Promise<void> {
    const { record, epochs, taken = [] } = change
    const records = [
      ...(epochs?.groups ?? []).map((group) =>
        this.#entry(EPOCH_PREFIX + group, { epoch: epochs?.epoch }),
      ),
      ...(record === undefined ? [] : [this.#entry(RECORD_KEY, record)]),
      ...taken.map((id) => this.#tombstone(WISH_PREFIX + id)),
    ]
    await commitAsDriver(this.#deps.log, membership, [{ ...BOARD, records }])
    await this.refresh()
  }

  async #append(record: ProducedRecord): Promise<void> {
    await this.#deps.log.append([{ ...BOARD, records: [record] }])
    await this.refresh()
  }

  #entry(key: string, value: object): ProducedRecord {
    const { schemas, clock } = this.#deps
    const at = clock.nowMs()
    const [kind, id] = [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)]
    return {
      key: Buffer.from(key),
      value: encode('ConfigEntry', schemas.ids.ConfigEntry, {
        kind,
        id,
        at,
        actor: 'replay',
        value: JSON.stringify(value),
      }),
      timestampMs: at,
    }
  }

  #tombstone(key: string): ProducedRecord {
    return { key: Buffer.from(key), value: null, timestampMs: this.#deps.clock.nowMs() }
  }

  /** Two reads may overlap: what was taken already is passed over. */
  async #take(records: readonly ConsumedRecord[]): Promise<void> {
    await this.#reader.prepare(records)
    for (const record of records) {
      if (record.offset < this.#position) continue
      this.#apply(record)
      this.#position = record.offset + 1
      this.#version += 1
    }
  }

  #apply({ key, value }: ConsumedRecord): void {
    const name = String(key)
    if (value === null) {
      if (name.startsWith(WISH_PREFIX)) this.#wishes.delete(name.slice(WISH_PREFIX.length))
      return
    }
    const isOurs =
      name === RECORD_KEY ||
      name === ORDER_KEY ||
      name.startsWith(WISH_PREFIX) ||
      name.startsWith(EPOCH_PREFIX)
    if (!isOurs) return
    const read = this.#reader.read(value)
    // What other versions wrote in another way is not understood, and must not stop the platform.
    if (read.kind !== 'record') return
    const parsed: unknown = JSON.parse(read.record.value)
    if (name === RECORD_KEY) this.#setRecord(parsed as ReplayRecord)
    else if (name === ORDER_KEY) this.#order = parsed as ReplayOrder
    else if (name.startsWith(WISH_PREFIX)) {
      const wish = parsed as ReplayWish
      this.#wishes.set(wish.id, wish)
    } else this.#setEpoch(name.slice(EPOCH_PREFIX.length), (parsed as { epoch: number }).epoch)
  }

  #setRecord(record: ReplayRecord): void {
    this.#record = record
    this.#highest = Math.max(this.#highest, record.epoch)
  }

  #setEpoch(group: string, epoch: number): void {
    this.#epochs.set(group, Math.max(epoch, this.epochOf(group)))
    this.#highest = Math.max(this.#highest, epoch)
  }
}
