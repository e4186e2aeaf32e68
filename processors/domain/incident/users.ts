/** Distinct users as the k smallest hashes; replaced by the detectors own sketch once it is there. */
const K = 256
export function mergeUsers(left: readonly number[], right: readonly number[]): readonly number[] {
  if (right.length === 0) return left
  if (left.length === 0) return right
  return [...new Set([...left, ...right])].toSorted((a, b) => a - b).slice(0, K)
}
export function estimateUsers(sketch: readonly number[]): number {
  if (sketch.length < K) return sketch.length
  return Math.round(((K - 1) * 2 ** 32) / (sketch[K - 1] ?? 1))
}
