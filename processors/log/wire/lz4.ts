import { copyWithin } from './snappy.ts'

/**
 * LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), as Kafka's clients write them. Checksums
 * of the frame are not looked at: the record batch has its own, and some old clients got theirs wrong.
 */
const MAGIC = 0x184d2204
const FLAG_DICTIONARY = 0x01
const FLAG_CONTENT_CHECKSUM = 0x04
const FLAG_CONTENT_SIZE = 0x08
const FLAG_BLOCK_CHECKSUM = 0x10
const UNCOMPRESSED = 0x80000000
/** Block sizes by the number in the frame's descriptor. */
const BLOCK_BYTES: Readonly<Record<number, number>> = {
  4: 64 * 1024,
  5: 256 * 1024,
  6: 1024 * 1024,
  7: 4 * 1024 * 1024,
}

interface Output {
  bytes: Buffer
  end: number
  readonly bytesMax: number
}

export function lz4FrameDecode(source: Buffer, bytesMax: number): Buffer {
  if (source.length < 7 || source.readUInt32LE(0) !== MAGIC) throw new RangeError('no lz4 frame')
  const flags = source[4]!
  if (flags >>> 6 !== 1 || (flags & FLAG_DICTIONARY) !== 0)
    throw new RangeError('an lz4 frame of another version, or with a dictionary')
  const blockMax = BLOCK_BYTES[(source[5]! >>> 4) & 7]
  if (blockMax === undefined) throw new RangeError('an lz4 frame without a block size')
  const output: Output = {
    bytes: Buffer.allocUnsafe(Math.min(bytesMax, source.length * 4)),
    end: 0,
    bytesMax,
  }
  let at = 7 + ((flags & FLAG_CONTENT_SIZE) === 0 ? 0 : 8)
  for (;;) {
    if (at + 4 > source.length) throw new RangeError('an lz4 frame is cut off')
    const word = source.readUInt32LE(at)
    at += 4
    if (word === 0) break
    const size = word & 0x7fffffff
    if (size > blockMax || at + size > source.length)
      throw new RangeError('an lz4 block is cut off')
    const block = source.subarray(at, at + size)
    if (word >= UNCOMPRESSED) append(output, block)
    else decodeBlock(block, output)
    at += size + ((flags & FLAG_BLOCK_CHECKSUM) === 0 ? 0 : 4)
  }
  if ((flags & FLAG_CONTENT_CHECKSUM) !== 0) at += 4
  if (at < source.length) throw new RangeError('bytes behind an lz4 frame')
  return output.bytes.subarray(0, output.end)
}

function makeRoom(output: Output, bytes: number): void {
  const wanted = output.end + bytes
  if (wanted > output.bytesMax)
    throw new RangeError(`more than ${output.bytesMax} bytes when decompressed`)
  if (wanted <= output.bytes.length) return
  const grown = Buffer.allocUnsafe(
    Math.min(output.bytesMax, Math.max(wanted, output.bytes.length * 2)),
  )
  output.bytes.copy(grown, 0, 0, output.end)
  output.bytes = grown
}

function append(output: Output, bytes: Buffer): void {
  makeRoom(output, bytes.length)
  bytes.copy(output.bytes, output.end)
  output.end += bytes.length
}

/** Sequences of literals and copies; copies may reach into earlier blocks of the frame. */
function decodeBlock(source: Buffer, output: Output): void {
  const cursor = { source, at: 0 }
  while (cursor.at < source.length) {
    const token = source[cursor.at++]!
    const literals = readLength(cursor, token >>> 4)
    if (cursor.at + literals > source.length) throw new RangeError('an lz4 literal is cut off')
    append(output, source.subarray(cursor.at, cursor.at + literals))
    cursor.at += literals
    // The last sequence has literals only.
    if (cursor.at === source.length) return
    if (cursor.at + 2 > source.length) throw new RangeError('an lz4 copy is cut off')
    const offset = source.readUInt16LE(cursor.at)
    cursor.at += 2
    const length = readLength(cursor, token & 15) + 4
    if (offset === 0 || offset > output.end) throw new RangeError('an lz4 copy points outside')
    makeRoom(output, length)
    output.end = copyWithin(output.bytes, output.end, { offset, length })
  }
}

function readLength(cursor: { source: Buffer; at: number }, nibble: number): number {
  let length = nibble
  if (nibble < 15) return length
  for (;;) {
    const byte = cursor.source[cursor.at++]
    if (byte === undefined) throw new RangeError('an lz4 length is cut off')
    length += byte
    if (byte < 255) return length
  }
}
