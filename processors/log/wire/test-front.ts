import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { systemClock } from '#/kernel/clock.ts'
import type { FrontedLog } from '#/processors/log/embedded-front.ts'
import { BATCH_HEADER_BYTES, encodeBatch, recordBytesMax } from '#/processors/log/record-batch.ts'
import { crc32c } from '#/processors/log/crc32c.ts'
import type { ProducedRecord } from '#/processors/log/port.ts'
import type { FrontPolicy } from './api.ts'
import { startKafkaFront } from './front.ts'
import type { KafkaFront } from './front.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

export const OPEN_POLICY: FrontPolicy = { isOwnGroup: () => false, accessOf: () => 'all' }

export interface TestFront extends KafkaFront {
  problems: unknown[]
  refused: string[]
}

export async function openFront(
  log: FrontedLog,
  policy: FrontPolicy = OPEN_POLICY,
): Promise<TestFront> {
  const problems: unknown[] = []
  const refused: string[] = []
  const front = await startKafkaFront({
    log,
    policy,
    clock: systemClock,
    port: 0,
    onProblem: (error) => void problems.push(error),
    onRefused: (detail) => void refused.push(detail),
  })
  return { ...front, problems, refused }
}

/** A client that says exactly what it is told to. */
export class RawClient {
  readonly socket: Socket
  readonly #chunks: AsyncIterator<Buffer>
  #rest = Buffer.alloc(0)
  #correlation = 0

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('error', () => undefined)
    this.#chunks = this.socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** The body of the answer; undefined when the connection was closed instead. */
  async ask(
    key: number,
    version: number,
    write: (body: WireWriter) => void = () => undefined,
  ): Promise<WireReader | undefined> {
    this.send(key, version, write)
    return this.answer()
  }

  send(key: number, version: number, write: (body: WireWriter) => void): void {
    const body = new WireWriter()
      .int16(key)
      .int16(version)
      .int32(++this.#correlation)
      .string('raw')
    write(body)
    const { buffers, bytes } = body.take()
    this.socket.write(new WireWriter().int32(bytes).append(buffers).toBuffer())
  }

  async answer(): Promise<WireReader | undefined> {
    const head = await this.#take(4)
    const body = head === undefined ? undefined : await this.#take(head.readInt32BE(0))
    return body === undefined ? undefined : new WireReader(body.subarray(4))
  }

  close(): void {
    this.socket.destroy()
  }

  async #take(bytes: number): Promise<Buffer | undefined> {
    while (this.#rest.length < bytes) {
      const next = await this.#chunks
        .next()
        .catch(() => ({ done: true as const, value: undefined }))
      if (next.done === true) return undefined
      this.#rest = Buffer.concat([this.#rest, next.value])
    }
    const taken = this.#rest.subarray(0, bytes)
    this.#rest = this.#rest.subarray(bytes)
    return taken
  }
}

export interface ProducerNumbers {
  id: number
  epoch: number
  sequence: number
  isTransactional?: boolean
}

/** A batch as a client encodes it. */
export function clientBatch(texts: readonly string[], producer?: ProducerNumbers): Buffer {
  const records: ProducedRecord[] = texts.map((text) => ({
    key: Buffer.from('key'),
    value: Buffer.from(text),
    timestampMs: 1_800_000_000_000,
  }))
  const most = records.reduce((sum, one) => sum + recordBytesMax(one), BATCH_HEADER_BYTES)
  const target = Buffer.alloc(most)
  const { bytes } = encodeBatch(target, 0, { records, from: 0, to: records.length, baseOffset: 0 })
  const batch = target.subarray(0, bytes)
  if (producer !== undefined) {
    batch.writeBigInt64BE(BigInt(producer.id), 43)
    batch.writeInt16BE(producer.epoch, 51)
    batch.writeInt32BE(producer.sequence, 53)
    if (producer.isTransactional === true) batch.writeInt16BE(0x10, 21)
    batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17)
  }
  return batch
}

export interface Produced {
  code: number
  baseOffset: number
  message: string | null
}

/** Produce version 8 of one batch to `a/0`. */
export async function produceBatch(
  client: RawClient,
  batch: Buffer,
  options: { transactionalId?: string; acks?: number; topic?: string } = {},
): Promise<Produced | undefined> {
  const body = await client.ask(0, 8, (writer) => {
    writer
      .string(options.transactionalId ?? null)
      .int16(options.acks ?? -1)
      .int32(1000)
    writer
      .int32(1)
      .string(options.topic ?? 'a')
      .int32(1)
      .int32(0)
      .bytes(batch)
  })
  if (body === undefined) return undefined
  body.int32()
  body.string()
  body.int32()
  body.int32()
  const code = body.int16()
  const baseOffset = body.int64()
  body.int64()
  body.int64()
  body.int32()
  return { code, baseOffset, message: body.nullableString() }
}
