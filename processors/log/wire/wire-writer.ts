import { writeInt64 } from '#/processors/log/varint.ts'

const FIRST_BYTES = 512

/** Kafka's primitives into one growing buffer; large byte fields are kept apart and never copied. */
export class WireWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #used = 0
  #done: Buffer[] = []
  #doneBytes = 0

  int8(value: number): this {
    const at = this.#room(1)
    this.#buffer.writeInt8(value, at)
    return this
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  int16(value: number): this {
    const at = this.#room(2)
    this.#buffer.writeInt16BE(value, at)
    return this
  }

  int32(value: number): this {
    const at = this.#room(4)
    this.#buffer.writeInt32BE(value, at)
    return this
  }

  int64(value: number): this {
    const at = this.#room(8)
    writeInt64(this.#buffer, at, value)
    return this
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const bytes = Buffer.byteLength(value)
    this.int16(bytes)
    const at = this.#room(bytes)
    this.#buffer.write(value, at)
    return this
  }

  bytes(value: Buffer | null): this {
    if (value === null) return this.int32(-1)
    this.int32(value.length)
    const at = this.#room(value.length)
    value.copy(this.#buffer, at)
    return this
  }

  /** One bytes field made of several pieces, which are sent as they are. */
  pieces(pieces: readonly Buffer[]): this {
    this.int32(pieces.reduce((sum, piece) => sum + piece.length, 0))
    return this.append(pieces)
  }

  /** Bytes that are sent as they are. */
  append(pieces: readonly Buffer[]): this {
    this.#cut()
    for (const piece of pieces) this.#keep(piece)
    return this
  }

  /** An unsigned varint, as flexible versions have for lengths. */
  uvarint(value: number): this {
    let rest = value
    for (; rest >= 0x80; rest >>>= 7) this.int8(((rest & 0x7f) | 0x80) - 0x100)
    return this.int8(rest)
  }

  array<T>(elements: readonly T[], write: (element: T) => void): this {
    this.int32(elements.length)
    for (const element of elements) write(element)
    return this
  }

  /** Everything written, in pieces. */
  take(): { buffers: readonly Buffer[]; bytes: number } {
    this.#cut()
    return { buffers: this.#done, bytes: this.#doneBytes }
  }

  /** Everything written, in one. */
  toBuffer(): Buffer {
    const { buffers, bytes } = this.take()
    return buffers.length === 1 ? buffers[0]! : Buffer.concat(buffers, bytes)
  }

  #cut(): void {
    if (this.#used === 0) return
    this.#keep(this.#buffer.subarray(0, this.#used))
    this.#buffer = Buffer.allocUnsafe(FIRST_BYTES)
    this.#used = 0
  }

  #keep(bytes: Buffer): void {
    this.#done.push(bytes)
    this.#doneBytes += bytes.length
  }

  /** Where the next bytes go. It may replace the buffer: call it before the buffer is looked at. */
  #room(bytes: number): number {
    const at = this.#used
    if (at + bytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, at + bytes))
      this.#buffer.copy(grown, 0, 0, at)
      this.#buffer = grown
    }
    this.#used = at + bytes
    return at
  }
}
