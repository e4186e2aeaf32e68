import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { Compression } from './options.ts'

interface Codec {
  compress(bytes: Buffer): Buffer
  decompress(bytes: Buffer): Buffer
}

/** What the attributes of a batch call them. */
const NAMES: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

const GZIP: Codec = {
  compress: (bytes) => gzipSync(bytes, { level: constants.Z_BEST_SPEED }),
  decompress: (bytes) => gunzipSync(bytes),
}
const ZSTD: Codec = {
  compress: (bytes) => zstdCompressSync(bytes),
  decompress: (bytes) => zstdDecompressSync(bytes),
}

const codecs = new Map<Compression, Codec>([
  ['gzip', GZIP],
  ['zstd', ZSTD],
])

/** snappy and lz4 come as WebAssembly with the other client, which is loaded only when they are met. */
export async function loadCodec(name: Compression): Promise<void> {
  if (name === 'none' || codecs.has(name)) return
  const { compressionsAlgorithms } = await import('@platformatic/kafka')
  for (const each of ['snappy', 'lz4'] as const) {
    const { compressSync, decompressSync } = compressionsAlgorithms[each]
    codecs.set(each, { compress: compressSync, decompress: decompressSync })
  }
}

export function compressionCode(name: Compression): number {
  return NAMES.indexOf(name)
}

/** The codec of a batch that has to be loaded first, if any. */
export function missingCodec(code: number): Compression | undefined {
  const name = NAMES[code]
  return name === undefined || name === 'none' || codecs.has(name) ? undefined : name
}

export function compress(name: Compression, bytes: Buffer): Buffer {
  return codecs.get(name)?.compress(bytes) ?? bytes
}

export function decompress(code: number, bytes: Buffer): Buffer {
  const codec = codecs.get(NAMES[code] ?? 'none')
  if (codec === undefined)
    throw new FaultlineError('log_corrupt', `a batch has the unknown compression ${code}`)
  try {
    return codec.decompress(bytes)
  } catch (error) {
    const detail = `a batch cannot be decompressed (${NAMES[code]}): ${messageOf(error)}`
    throw new FaultlineError('log_corrupt', detail, { cause: error })
  }
}
