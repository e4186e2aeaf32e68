/**
 * The partition of a key, as Kafka's Java client computes it (murmur2, seed 0x9747b28c, positive, modulo),
 * so that other producers put the same key on the same partition.
 */
export function partitionOf(key: Buffer, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}

const M = 0x5bd1e995

/** 32-bit murmur2 of `data`, as a signed integer. */
export function murmur2(data: Buffer): number {
  const length = data.length
  let h = 0x9747b28c ^ length
  let index = 0
  for (; index + 4 <= length; index += 4) {
    let k = data.readInt32LE(index)
    k = Math.imul(k, M)
    k ^= k >>> 24
    k = Math.imul(k, M)
    h = Math.imul(h, M) ^ k
  }
  const left = length - index
  if (left >= 3) h ^= (data[index + 2] ?? 0) << 16
  if (left >= 2) h ^= (data[index + 1] ?? 0) << 8
  if (left >= 1) h = Math.imul(h ^ (data[index] ?? 0), M)
  h ^= h >>> 13
  h = Math.imul(h, M)
  return h ^ (h >>> 15)
}
