import { createReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
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
    size = statSync(path).size
  } catch (error) {
    throw new FaultlineError('usage', `${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES })
  const stream = path.endsWith('.gz') ? file.pipe(createGunzip()) : file
  file.on('error', (error) => stream.destroy(error))
  return { stream, bytesTotal: size, bytesRead: () => file.bytesRead }
}
