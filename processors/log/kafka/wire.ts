import { FaultlineError } from '#/kernel/errors.ts'
import { readInt64, writeInt64 } from '#/processors/log/varint.ts'

/**
 * The primitive types of Kafka's protocol (https://kafka.apache.org/protocol). "Flexible" versions write lengths
 * as unsigned varints of length + 1 and end structures with tagged fields, of which we write none and skip all.
 */
export class WireWriter {
  readonly #flexible: boolean
  #bytes = Buffer.allocUnsafe(512)
  #at = 0

  constructor(flexible = false) {
    this.#flexible = flexible
  }

  int8(value: number): this {
    this.#room(1)
    this.#at = this.#bytes.writeInt8(value, this.#at)
    return this
  }

  int16(value: number): this {
    this.#room(2)
    this.#at = this.#bytes.writeInt16BE(value, this.#at)
    return this
  }

  int32(value: number): this {
    this.#room(4)
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
    return this
  }

  int64(value: number): this {
    this.#room(8)
    writeInt64(this.#bytes, this.#at, value)
    this.#at += 8
    return this
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  string(value: string | null): this {
    const length = value === null ? -1 : Buffer.byteLength(value)
    if (this.#flexible) this.#unsigned(length + 1)
    else this.int16(length)
    if (value === null) return this
    this.#room(length)
    this.#at += this.#bytes.write(value, this.#at)
    return this
  }

  bytes(parts: readonly Buffer[]): this {
    let length = 0
    for (const part of parts) length += part.length
    if (this.#flexible) this.#unsigned(length + 1)
    else this.int32(length)
    this.#room(length)
    for (const part of parts) this.#at += part.copy(this.#bytes, this.#at)
    return this
  }

  array<T>(items: readonly T[] | null, write: (item: T) => void): this {
    const length = items === null ? -1 : items.length
    if (this.#flexible) this.#unsigned(length + 1)
    else this.int32(length)
    for (const item of items ?? []) write(item)
    return this
  }

  /** The end of a structure. */
  end(): this {
    if (this.#flexible) this.#unsigned(0)
    return this
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  #unsigned(value: number): void {
    this.#room(5)
    let rest = value
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#at++] = (rest & 0x7f) | 0x80
    this.#bytes[this.#at++] = rest
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + length))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

export class WireReader {
  readonly #bytes: Buffer
  readonly #flexible: boolean
  #at = 0

  constructor(bytes: Buffer, flexible = false) {
    this.#bytes = bytes
    this.#flexible = flexible
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  int64(): number {
    return readInt64(this.#bytes, this.#take(8))
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  nullableString(): string | null {
    const length = this.#flexible ? this.#unsigned() - 1 : this.int16()
    if (length < 0) return null
    const at = this.#take(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  string(): string {
    return this.nullableString() ?? ''
  }

  /** A view on the response, empty where there is null. */
  bytes(): Buffer {
    const length = this.#flexible ? this.#unsigned() - 1 : this.int32()
    if (length <= 0) return EMPTY
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  array<T>(read: () => T): T[] {
    const length = this.#flexible ? this.#unsigned() - 1 : this.int32()
    const items: T[] = []
    for (let index = 0; index < length; index++) items.push(read())
    return items
  }

  /** The end of a structure. */
  end(): void {
    if (!this.#flexible) return
    for (let count = this.#unsigned(); count > 0; count--) {
      this.#unsigned()
      this.#take(this.#unsigned())
    }
  }

  #unsigned(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.#bytes[this.#take(1)]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }

  #take(length: number): number {
    const at = this.#at
    if (at + length > this.#bytes.length)
      throw new FaultlineError('log_unavailable', 'a response of the broker ends too early')
    this.#at = at + length
    return at
  }
}

const EMPTY = Buffer.alloc(0)
