import { TOKENS_MAX, VARIABLE_A, VARIABLE_B, type Scan } from './scan.ts'

/** Multipliers of the two polynomial hashes; odd, so that no position is lost. */
const MULTIPLIER_A = 0x01000193
const MULTIPLIER_B = 0x5bd1e995

const POWERS = 2 * TOKENS_MAX + 1024
const powerA = new Int32Array(POWERS)
const powerB = new Int32Array(POWERS)
powerA[0] = 1
powerB[0] = 1
for (let at = 1; at < POWERS; at++) {
  powerA[at] = Math.imul(powerA[at - 1] as number, MULTIPLIER_A)
  powerB[at] = Math.imul(powerB[at - 1] as number, MULTIPLIER_B)
}

/** A skeleton's 64-bit hash in two halves; `key` holds 53 of its bits as a map key. */
export interface Skeleton {
  a: number
  b: number
}

export function hashUnits(scan: Scan, into: Skeleton): Skeleton {
  let a = 0
  let b = 0
  for (let at = 0; at < scan.unitCount; at++) {
    a = (Math.imul(a, MULTIPLIER_A) + (scan.unitA[at] as number)) | 0
    b = (Math.imul(b, MULTIPLIER_B) + (scan.unitB[at] as number)) | 0
  }
  into.a = a
  into.b = b
  return into
}

/** The hash after replacing the unit of `token` by a variable: O(1), the hash is a polynomial. */
export function blankedHash(scan: Scan, token: number, from: Skeleton, into: Skeleton): Skeleton {
  const unit = scan.unit[token] as number
  const power = scan.unitCount - 1 - unit
  into.a =
    (from.a + Math.imul((VARIABLE_A - (scan.unitA[unit] as number)) | 0, powerA[power] as number)) |
    0
  into.b =
    (from.b + Math.imul((VARIABLE_B - (scan.unitB[unit] as number)) | 0, powerB[power] as number)) |
    0
  return into
}

function finish(value: number): number {
  let mixed = value
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

export function skeletonKey({ a, b }: Skeleton): number {
  return finish(a) * 0x200000 + (finish(b) >>> 11)
}

/** 64 bits as 16 lower-case hex characters. */
export function skeletonId({ a, b }: Skeleton): string {
  return hex8(finish(a)) + hex8(finish(b))
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0')
}
