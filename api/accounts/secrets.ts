import { randomSecret } from '#/kernel/random.ts'

const SECRET_BYTES = 32
const ID_BYTES = 9

export function newId(): string {
  return randomSecret(ID_BYTES)
}

/** `<prefix>_<id>_<256 random bits>`: the prefix tells people and scanners what they have found. */
export function makeSecret(prefix: string, id: string): string {
  return `${prefix}_${id}_${randomSecret(SECRET_BYTES)}`
}

const SECRET = /^(fls|flr|fli)_([0-9a-f]{18})_[0-9a-f]{64}$/

/** The id inside a secret with this prefix; undefined when it is none of ours. */
export function idInSecret(prefix: 'fls' | 'flr' | 'fli', secret: string): string | undefined {
  const match = SECRET.exec(secret)
  return match?.[1] === prefix ? match[2] : undefined
}
