import { randomBytes, randomFillSync } from 'node:crypto'

/** A source of chance. The seeded one repeats itself, which simulations and scenarios rely on. */
export interface Random {
  /** Uniform in [0, 1). */
  unit(): number
  /** A whole number, uniform in [0, below). */
  int(below: number): number
  /** One element of a non-empty list. */
  pick<T>(items: readonly T[]): T
  /** Exponential with this mean. */
  exponential(mean: number): number
}

function createRandom(unit: () => number): Random {
  return {
    unit,
    int: (below) => Math.floor(unit() * below),
    pick: (items) => {
      const item = items[Math.floor(unit() * items.length)]
      if (item === undefined) throw new RangeError('pick needs a non-empty list')
      return item
    },
    exponential: (mean) => -Math.log(1 - unit()) * mean,
  }
}

export const systemRandom: Random = createRandom(() => randomBytes(6).readUIntBE(0, 6) / 2 ** 48)

/** sfc32, a small fast generator with a 128-bit state; the same seed gives the same sequence for ever. */
export function createSeededRandom(seed: number): Random {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88 ^ seed, 0xb7e15162 ^ (seed >>> 7), 1]
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return (t >>> 0) / 2 ** 32
  }
  for (let warmUp = 0; warmUp < 15; warmUp += 1) next()
  return createRandom(next)
}

const POOL_BYTES = 8192
const pool = Buffer.alloc(POOL_BYTES)
let poolUsed = POOL_BYTES

/** RFC 9562 §5.7: 48 bits of milliseconds, then chance, so that ids sort by the time they were made. */
export function uuidV7(nowMs: number): string {
  if (poolUsed + 10 > POOL_BYTES) {
    randomFillSync(pool)
    poolUsed = 0
  }
  const tail = pool.toString('hex', poolUsed, poolUsed + 10)
  const variant = (8 + ((pool[poolUsed + 2] ?? 0) & 3)).toString(16)
  poolUsed += 10
  const time = Math.floor(nowMs).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${tail.slice(0, 3)}-${variant}${tail.slice(5, 8)}-${tail.slice(8, 20)}`
}

/** A secret of `byteCount` random bytes in hexadecimal. */
export function randomSecret(byteCount: number): string {
  return randomBytes(byteCount).toString('hex')
}
