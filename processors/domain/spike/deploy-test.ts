/** Errors of two releases with their exposure (requests, or minutes). */
export interface ReleaseCounts {
  count: number
  exposure: number
  previousCount: number
  previousExposure: number
}

/**
 * The exact one-sided test that the new release's rate is higher: given all n errors, the new release's share
 * is Binomial(n, exposure share) if nothing changed. The p-value is that tail, as a regularised incomplete beta
 * function, so it costs the same for three errors as for a million.
 */
export function releasePValue(counts: ReleaseCounts): number {
  const { count, exposure, previousCount, previousExposure } = counts
  if (count <= 0 || exposure <= 0) return 1
  if (previousExposure <= 0) return 1
  const share = exposure / (exposure + previousExposure)
  // P(X ≥ k) for X ~ Binomial(n, p) is I_p(k, n − k + 1).
  return regularisedBeta(share, count, previousCount + 1)
}

/** Rate of the new release over the rate of the old, with half an event of doubt on either side. */
export function rateRatio(counts: ReleaseCounts): number {
  const now = (counts.count + 0.5) / Math.max(counts.exposure, Number.MIN_VALUE)
  const before = (counts.previousCount + 0.5) / Math.max(counts.previousExposure, Number.MIN_VALUE)
  return now / before
}

/** I_x(a, b), by the continued fraction of DLMF 8.17.22, evaluated with Lentz's method. */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const logFront =
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)
  // The fraction converges fast on this side of the mean only; the other side is its complement.
  if (x < (a + 1) / (a + b + 2)) return (Math.exp(logFront) * betaFraction(x, a, b)) / a
  return 1 - (Math.exp(logFront) * betaFraction(1 - x, b, a)) / b
}

const TINY = 1e-300
const STEPS_MAX = 100_000

function betaFraction(x: number, a: number, b: number): number {
  let c = 1
  let d = nonZero(1 - ((a + b) * x) / (a + 1))
  d = 1 / d
  let value = d
  for (let m = 1; m <= STEPS_MAX; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonZero(1 + even * d)
    c = nonZero(1 + even / c)
    value *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonZero(1 + odd * d)
    c = nonZero(1 + odd / c)
    const change = d * c
    value *= change
    if (Math.abs(change - 1) < 1e-14) break
  }
  return value
}

const nonZero = (value: number): number => (Math.abs(value) < TINY ? TINY : value)

/** ln Γ(x) for x > 0: Stirling's series (DLMF 5.11.1), small x raised first. */
export function logGamma(x: number): number {
  let shift = 0
  let z = x
  while (z < 10) {
    shift += Math.log(z)
    z += 1
  }
  const inverse = 1 / z
  const square = inverse * inverse
  const series =
    inverse *
    (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift
}
