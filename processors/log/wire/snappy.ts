/**
 * Snappy (https://github.com/google/snappy/blob/main/format_description.txt), raw or in the framing of xerial's
 * snappy-java, which Kafka's Java client writes: a header of 16 bytes, then blocks behind their length.
 */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

export function snappyDecode(bytes: Buffer, bytesMax: number): Buffer {
  if (bytes.length < XERIAL_HEADER_BYTES || !bytes.subarray(0, XERIAL.length).equals(XERIAL))
    return decodeBlock(bytes, bytesMax)
  const blocks: Buffer[] = []
  let total = 0
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const length = at + 4 <= bytes.length ? bytes.readUInt32BE(at) : Infinity
    if (at + 4 + length > bytes.length) throw new RangeError('a snappy block is cut off')
    const block = decodeBlock(bytes.subarray(at + 4, at + 4 + length), bytesMax - total)
    total += block.length
    blocks.push(block)
    at += 4 + length
  }
  return Buffer.concat(blocks, total)
}

function decodeBlock(source: Buffer, bytesMax: number): Buffer {
  const { length, at: start } = readLength(source)
  if (length > bytesMax) throw new RangeError(`more than ${bytesMax} bytes when decompressed`)
  const target = Buffer.allocUnsafe(length)
  let at = start
  let end = 0
  while (at < source.length) {
    const tag = source[at++]!
    if ((tag & 3) === 0) {
      const literal = readLiteral(source, at, tag >>> 2)
      if (literal.at + literal.length > source.length || end + literal.length > length)
        throw new RangeError('a snappy literal is cut off')
      source.copy(target, end, literal.at, literal.at + literal.length)
      end += literal.length
      at = literal.at + literal.length
      continue
    }
    const extra = COPY_BYTES[tag & 3]!
    if (at + extra > source.length) throw new RangeError('a snappy copy is cut off')
    const copy = readCopy(source, at, tag)
    at += extra
    if (copy.offset === 0 || copy.offset > end || end + copy.length > length)
      throw new RangeError('a snappy copy points outside')
    end = copyWithin(target, end, copy)
  }
  if (end !== length) throw new RangeError('snappy data ends too early')
  return target
}

/** Bytes behind the tag of a copy, by its kind. */
const COPY_BYTES = [0, 1, 2, 4]

function readLength(source: Buffer): { length: number; at: number } {
  let length = 0
  for (let at = 0; at < 5; at++) {
    const byte = source[at]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return { length, at: at + 1 }
  }
  throw new RangeError('snappy data has no length')
}

function readLiteral(source: Buffer, at: number, code: number): { length: number; at: number } {
  if (code < 60) return { length: code + 1, at }
  const bytes = code - 59
  if (at + bytes > source.length) throw new RangeError('a snappy literal is cut off')
  return { length: source.readUIntLE(at, bytes) + 1, at: at + bytes }
}

interface Copy {
  offset: number
  length: number
}

function readCopy(source: Buffer, at: number, tag: number): Copy {
  const kind = tag & 3
  if (kind === 1) return { length: ((tag >>> 2) & 7) + 4, offset: ((tag >>> 5) << 8) | source[at]! }
  const offset = kind === 2 ? source.readUInt16LE(at) : source.readUInt32LE(at)
  return { length: (tag >>> 2) + 1, offset }
}

/** Copies from what is already there; source and target may overlap, which repeats. Returns the new end. */
export function copyWithin(target: Buffer, end: number, { offset, length }: Copy): number {
  if (offset >= length) {
    target.copy(target, end, end - offset, end - offset + length)
  } else {
    for (let index = 0; index < length; index++) target[end + index] = target[end + index - offset]!
  }
  return end + length
}
