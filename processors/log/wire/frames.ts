import type { Socket } from 'node:net'
import { FrameError } from './frame-error.ts'

/** The largest request; larger ones close their connection. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024
/** Smaller than any request there is. */
const FRAME_BYTES_MIN = 8
const LENGTH_BYTES = 4

/** What requests that are on their way in may hold together, over all connections. */
export interface FrameBudget {
  /** Resolves when there is room; first come, first served. */
  take(bytes: number): Promise<void>
  give(bytes: number): void
}

export function createFrameBudget(bytesMax: number): FrameBudget {
  let used = 0
  const waiting: { bytes: number; start: () => void }[] = []
  const serve = (): void => {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (used > 0 && used + first.bytes > bytesMax) return
      waiting.shift()
      used += first.bytes
      first.start()
    }
  }
  return {
    take: (bytes) =>
      new Promise((start) => {
        waiting.push({ bytes, start })
        serve()
      }),
    give(bytes) {
      used -= bytes
      serve()
    },
  }
}

/** The requests of one connection, each without its length. The budget is given back when the next one is asked for. */
export async function* readFrames(socket: Socket, budget: FrameBudget): AsyncGenerator<Buffer> {
  const input = new ChunkReader(socket)
  for (;;) {
    const head = await input.take(LENGTH_BYTES)
    if (head === undefined) return
    const bytes = head.readInt32BE(0)
    if (bytes < FRAME_BYTES_MIN || bytes > FRAME_BYTES_MAX)
      throw new FrameError(
        `a request says it has ${bytes} bytes; at most ${FRAME_BYTES_MAX} are taken`,
      )
    await budget.take(bytes)
    try {
      const frame = await input.take(bytes)
      if (frame === undefined) return
      yield frame
    } finally {
      budget.give(bytes)
    }
  }
}

class ChunkReader {
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** Exactly so many bytes; undefined when the other side has closed before. */
  async take(bytes: number): Promise<Buffer | undefined> {
    if (this.#rest.length >= bytes) return this.#cut(bytes)
    const whole = Buffer.allocUnsafeSlow(bytes)
    let filled = 0
    while (filled < bytes) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next()
        if (next.done === true) return undefined
        this.#rest = next.value
      }
      const part = this.#cut(Math.min(bytes - filled, this.#rest.length))
      part.copy(whole, filled)
      filled += part.length
    }
    return whole
  }

  #cut(bytes: number): Buffer {
    const part = this.#rest.subarray(0, bytes)
    this.#rest = this.#rest.subarray(bytes)
    return part
  }
}
