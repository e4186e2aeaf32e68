import { readInt64 } from '#/processors/log/varint.ts'
import { FrameError } from './frame-error.ts'

/** Elements of one array; a hostile count must not make us loop for ever over nothing. */
const ARRAY_MAX = 100_000

/**
 * Kafka's primitives (https://kafka.apache.org/protocol#protocol_types) from the bytes of one request. Every read is
 * checked against the end: what does not fit is a `FrameError`, which closes the connection.
 */
export class WireReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1))
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  /** As a double: offsets, timestamps and producer ids stay far below 2^53; larger ones lose their last bits. */
  int64(): number {
    return readInt64(this.#bytes, this.#take(8))
  }

  string(): string {
    const text = this.nullableString()
    if (text === null) throw new FrameError('a string is null that must not be')
    return text
  }

  nullableString(): string | null {
    const length = this.int16()
    if (length < 0) return null
    const at = this.#take(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  /** A view on the request. */
  bytes(): Buffer {
    return this.nullableBytes() ?? Buffer.alloc(0)
  }

  nullableBytes(): Buffer | null {
    const length = this.int32()
    if (length < 0) return null
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  array<T>(element: () => T): T[] {
    return this.nullableArray(element) ?? []
  }

  nullableArray<T>(element: () => T): T[] | null {
    const length = this.int32()
    if (length < 0) return null
    if (length > ARRAY_MAX) throw new FrameError(`an array says it has ${length} elements`)
    const elements: T[] = []
    for (let index = 0; index < length; index++) elements.push(element())
    return elements
  }

  #take(length: number): number {
    const at = this.#at
    if (length < 0 || at + length > this.#bytes.length)
      throw new FrameError('the request ends too early')
    this.#at = at + length
    return at
  }
}
