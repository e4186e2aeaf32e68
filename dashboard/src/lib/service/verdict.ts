import type { DeployView } from '#lib/contract.ts'

export interface Verdict {
  kind: 'worse' | 'same' | 'better'
  text: string
}

/**
 * Whether errors rose after a deploy. Half an hour on each side is little: only twice as many, and at least one
 * a minute more, counts as worse.
 */
export function deployVerdict({ errors_before: before, errors_after: after }: DeployView): Verdict {
  const rose = after >= before * 2 && after - before >= 1
  const fell = before >= after * 2 && before - after >= 1
  if (!rose && !fell) return { kind: 'same', text: 'no change' }
  if (rose && before === 0) return { kind: 'worse', text: `0 → ${after.toFixed(1)}` }
  if (fell && after === 0) return { kind: 'better', text: `${before.toFixed(1)} → 0` }
  return { kind: rose ? 'worse' : 'better', text: `× ${(after / before).toFixed(1)}` }
}
