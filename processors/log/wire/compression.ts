import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { messageOf } from '#/kernel/errors.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'
import { lz4FrameDecode } from './lz4.ts'
import { snappyDecode } from './snappy.ts'

/** The number a batch's attributes have for each codec. */
export const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/** The records of a batch as they were before compression, at most `bytesMax` of them, whatever the bytes claim. */
export function decompress(codec: number, bytes: Buffer, bytesMax: number): Buffer {
  try {
    switch (codec) {
      case CODECS.none:
        return bytes
      case CODECS.gzip:
        return gunzipSync(bytes, { maxOutputLength: bytesMax })
      case CODECS.snappy:
        return snappyDecode(bytes, bytesMax)
      case CODECS.lz4:
        return lz4FrameDecode(bytes, bytesMax)
      case CODECS.zstd:
        return zstdDecompressSync(bytes, { maxOutputLength: bytesMax })
    }
  } catch (error) {
    throw new KafkaError(
      KAFKA.CORRUPT_MESSAGE,
      `the records do not decompress: ${messageOf(error)}`,
    )
  }
  throw new KafkaError(KAFKA.UNSUPPORTED_COMPRESSION_TYPE, `there is no codec ${codec}`)
}
