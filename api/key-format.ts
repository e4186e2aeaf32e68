import { hash, timingSafeEqual } from 'node:crypto'
import { randomSecret } from '#/kernel/random.ts'

const ID_BYTES = 6
const SECRET_BYTES = 32
const KEY = /^fl_([0-9a-f]{12})_[0-9a-f]{64}$/

/** A new key: `fl_<id>_<256 random bits>`. The id finds the record, the whole text proves it. */
export function makeKey(): { id: string; key: string } {
  const id = randomSecret(ID_BYTES)
  return { id, key: `fl_${id}_${randomSecret(SECRET_BYTES)}` }
}

/** The id inside a key, or undefined when the text is no key of ours. */
export function keyIdOf(key: string): string | undefined {
  return KEY.exec(key)?.[1]
}

/** Plain SHA-256 is enough for 256 random bits; slow hashes are for what people can remember. */
export function secretHash(secret: string): string {
  return hash('sha256', secret, 'hex')
}

/** Compares in constant time, so that the answer's delay tells nothing about the stored hash. */
export function isSameHash(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, 'latin1'), Buffer.from(other, 'latin1')]
  return a.length === b.length && timingSafeEqual(a, b)
}
