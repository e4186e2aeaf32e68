import { createReadStream, statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { Io } from './io.ts'

/** What a command reads, and how far it has come. */
export interface Source {
  stream: Readable
  /** Undefined for standard input, whose end nobody knows. */
  bytesTotal: number | undefined
  bytesRead(): number
}

const CHUNK_BYTES = 1 << 18

/** Opens a file (unpacked when its name ends in .gz), or standard input for `-`. Fails with `usage`. */
export function openSource(path: string, io: Io): Source {
  if (path === '-') return { stream: io.stdin, bytesTotal: undefined, bytesRead: () => 0 }
  let size: number
  try {
    const found = statSync(path)
    if (found.isDirectory()) throw new Error('it is a folder')
    size = found.size
  } catch (error) {
    throw new FaultlineError('usage', `${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES })
  const stream = path.endsWith('.gz')
    ? Readable.from(unpacked(file, path), { objectMode: false })
    : file
  return { stream, bytesTotal: size, bytesRead: () => file.bytesRead }
}

/** A download that was cut is the usual reason, and nobody's bug. */
async function* unpacked(file: Readable, path: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip()
  file.on('error', (error) => gunzip.destroy(error))
  try {
    for await (const chunk of file.pipe(gunzip)) yield chunk as Buffer
  } catch (error) {
    throw new FaultlineError(
      'invalid_encoding',
      `${path} cannot be unpacked: ${messageOf(error)}`,
      {
        cause: error,
        remedy: 'It is cut or damaged: fetch it again.',
      },
    )
  }
}
