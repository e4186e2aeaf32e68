import { FaultlineError } from '#/kernel/errors.ts'
import { OTLP_LIMITS } from './model.ts'

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

const TWO_32 = 2 ** 32
const HEX_BYTES_MAX = 32

/**
 * Reads protobuf's wire format field by field, from bytes nobody vouches for: every length is held against what is
 * left, every nesting against a bound, and whatever is wrong is one `invalid_encoding`. It allocates only what it
 * returns.
 */
export class ProtoReader {
  readonly #bytes: Buffer
  #at = 0
  #end: number
  #depth = 0
  #wire = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#end = bytes.length
  }

  /** The number of the next field, 0 at the end of the message. */
  next(): number {
    if (this.#at >= this.#end) return 0
    const tag = this.#varint()
    this.#wire = tag % 8
    const field = Math.floor(tag / 8)
    if (field < 1 || field > 0x1f_ff_ff_ff) throw malformed('a field has no number')
    return field
  }

  /** Passes over the value of a field nobody asked for. */
  skip(): void {
    if (this.#wire === WIRE.varint) this.#varint()
    else if (this.#wire === WIRE.fixed64) this.#move(8)
    else if (this.#wire === WIRE.fixed32) this.#move(4)
    else if (this.#wire === WIRE.bytes) this.#move(this.#length())
    else throw malformed(`wire type ${this.#wire} is not used`)
  }

  /** Enters an embedded message; give what it returns to `leave`. */
  enter(): number {
    const length = this.#length()
    if ((this.#depth += 1) > OTLP_LIMITS.depthMax)
      throw malformed(`messages are nested deeper than ${OTLP_LIMITS.depthMax}`)
    const outer = this.#end
    this.#end = this.#at + length
    return outer
  }

  leave(outer: number): void {
    this.#at = this.#end
    this.#end = outer
    this.#depth -= 1
  }

  text(): string {
    const length = this.#length()
    const from = this.#at
    this.#at += length
    return this.#bytes.toString('utf8', from, this.#at)
  }

  /** Bytes as base64, which is how JSON has them. */
  base64(): string {
    const length = this.#length()
    const from = this.#at
    this.#at += length
    return this.#bytes.toString('base64', from, this.#at)
  }

  /** An id as lower-case hexadecimal; longer than any id is cut, and so is no id. */
  hex(): string {
    const length = this.#length()
    const from = this.#at
    this.#at += length
    return this.#bytes.toString('hex', from, Math.min(this.#at, from + HEX_BYTES_MAX))
  }

  /** Small whole numbers: enumerations, counts. */
  uint(): number {
    this.#expect(WIRE.varint)
    return this.#varint()
  }

  /** A signed 64-bit number; beyond what a double holds exactly it is text. */
  int64(): number | string {
    this.#expect(WIRE.varint)
    const from = this.#at
    const value = this.#varint()
    if (value <= Number.MAX_SAFE_INTEGER) return value
    let exact = 0n
    for (let at = from, shift = 0n; at < this.#at; at += 1, shift += 7n)
      exact |= BigInt((this.#bytes[at] ?? 0) & 0x7f) << shift
    const signed = BigInt.asIntN(64, exact)
    const small = Number(signed)
    return Number.isSafeInteger(small) ? small : signed.toString()
  }

  double(): number {
    this.#expect(WIRE.fixed64)
    const from = this.#at
    this.#move(8)
    return this.#bytes.readDoubleLE(from)
  }

  /** Nanoseconds since the epoch as milliseconds; exact to a quarter of a microsecond. */
  nanosAsMs(): number {
    this.#expect(WIRE.fixed64)
    const from = this.#at
    this.#move(8)
    return (this.#bytes.readUInt32LE(from + 4) * TWO_32 + this.#bytes.readUInt32LE(from)) / 1e6
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) throw malformed('a field is of another type')
  }

  #length(): number {
    this.#expect(WIRE.bytes)
    const length = this.#varint()
    if (length > this.#end - this.#at) throw malformed('a length leads out of its message')
    return length
  }

  #move(count: number): void {
    if (count > this.#end - this.#at) throw malformed('it ends inside a value')
    this.#at += count
  }

  #varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 10; count += 1) {
      if (this.#at >= this.#end) throw malformed('it ends inside a number')
      const byte = this.#bytes[this.#at++] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
    throw malformed('a number has more than ten bytes')
  }
}

export function malformed(detail: string): FaultlineError {
  return new FaultlineError('invalid_encoding', `The body is not protobuf: ${detail}.`, {
    remedy:
      'Send an ExportTraceServiceRequest or ExportLogsServiceRequest as application/x-protobuf.',
  })
}
