import { createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { engineError } from './engine-error.ts'

/** Files that carry bodies into ClickHouse and results out of it; emptied whenever the engine starts. */
export interface Spool {
  readonly dir: string
  /** A path nobody else uses. No extension: ClickHouse would compress by it. */
  path(): string
  /** Writes `head` and then the whole stream; refuses more than `bytesMax`. */
  write(path: string, head: Buffer, rest: Readable | undefined, bytesMax: number): Promise<number>
  remove(path: string): Promise<void>
}

export function createSpool(dir: string): Spool {
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  let count = 0
  return {
    dir,
    path() {
      count += 1
      return join(dir, `spool-${count}`)
    },
    async write(path, head, rest, bytesMax) {
      const counted = limitBytes(bytesMax)
      const target = createWriteStream(path, { mode: 0o600 })
      if (rest === undefined) {
        counted.end(head)
        await pipeline(counted, target)
      } else {
        if (head.length > 0) counted.write(head)
        await pipeline(rest, counted, target)
      }
      return target.bytesWritten
    },
    async remove(path) {
      // A statement that failed early never made its file; what else goes wrong ends with the next start.
      await unlink(path).catch(() => undefined)
    },
  }
}

/** Passes bytes on and fails when there are more than `bytesMax`, however they were encoded on the way. */
function limitBytes(bytesMax: number): Transform {
  let seen = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length
      if (seen <= bytesMax) return done(null, chunk)
      return done(engineError('QUERY_IS_TOO_LARGE', `The body is larger than ${bytesMax} bytes.`))
    },
  })
}
