/**
 * Zigzag varints as Kafka's record format uses them (Protocol Buffers encoding), plus big-endian int64 as a
 * JavaScript number. Values past 2^52 lose their last bits; our offsets and timestamps stay far below.
 */
const INT32_SPLIT = 0x100000000

/** Bytes that `value` (a 32-bit integer) takes. */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x200000) return 3
  return zigzag < 0x10000000 ? 4 : 5
}

/** Writes a 32-bit integer at `at`; returns the position behind it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  let position = at
  while (zigzag >= 0x80) {
    target[position++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  target[position++] = zigzag
  return position
}

function zigzagOf(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

/** Bytes that `value` (an integer within ±2^52) takes. */
export function varlongBytes(value: number): number {
  if (value === (value | 0)) return varintBytes(value)
  let zigzag = zigzagOf(value)
  let bytes = 1
  while (zigzag >= 0x80) {
    zigzag = Math.floor(zigzag / 0x80)
    bytes++
  }
  return bytes
}

/** Writes an integer within ±2^52 at `at`; returns the position behind it. */
export function writeVarlong(target: Uint8Array, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(target, at, value)
  let zigzag = zigzagOf(value)
  let position = at
  while (zigzag >= 0x80) {
    target[position++] = (zigzag % 0x80) | 0x80
    zigzag = Math.floor(zigzag / 0x80)
  }
  target[position++] = zigzag
  return position
}

export function writeInt64(target: Buffer, at: number, value: number): void {
  const high = Math.floor(value / INT32_SPLIT)
  target.writeInt32BE(high, at)
  target.writeUInt32BE(value - high * INT32_SPLIT, at + 4)
}

export function readInt64(source: Buffer, at: number): number {
  return source.readInt32BE(at) * INT32_SPLIT + source.readUInt32BE(at + 4)
}

/** A position in a buffer that moves as it reads. Reading past the end gives NaN-free garbage: check `position`. */
export class VarintCursor {
  readonly bytes: Uint8Array
  position: number

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes
    this.position = position
  }

  /** A signed varint or varlong. Bytes behind the end read as 0, so that it always stops. */
  next(): number {
    const bytes = this.bytes
    const first = bytes[this.position++] ?? 0
    if (first < 0x80) return (first >>> 1) ^ -(first & 1)
    const second = bytes[this.position++] ?? 0
    if (second < 0x80) {
      const zigzag = (first & 0x7f) | (second << 7)
      return (zigzag >>> 1) ^ -(zigzag & 1)
    }
    return this.rest((first & 0x7f) | ((second & 0x7f) << 7))
  }

  private rest(low: number): number {
    let zigzag = low
    let scale = 0x4000
    // A varlong has at most ten bytes; two are read already.
    for (let count = 2; count < 10; count++) {
      const byte = this.bytes[this.position++] ?? 0
      zigzag += (byte & 0x7f) * scale
      if (byte < 0x80) break
      scale *= 0x80
    }
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  }
}
