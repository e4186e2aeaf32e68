import type { Severity } from '#lib/contract.ts'

export interface SumRow {
  name: string
  reason: string
  /** `1.6 × 0.72` */
  product: string
  adds: number
  /** Share of the largest possible contribution of any term, 0 to 1, for the bar. */
  share: number
}

const NAMES: Readonly<Record<string, string>> = {
  users: 'Users',
  criticality: 'Criticality',
  burst: 'Burst',
  error_budget: 'Error budget',
  spread: 'Spread',
  novelty: 'Novelty',
  business: 'Business',
}

/** The score as a sum a person can check: the largest addend first. */
export function sumRows(severity: Severity): readonly SumRow[] {
  const largest = Math.max(0.01, ...severity.terms.map((term) => term.weight))
  return severity.terms
    .map((term) => ({
      name: NAMES[term.name] ?? term.name,
      reason: term.reason,
      product: `${term.weight.toFixed(1)} × ${term.value.toFixed(2)}`,
      adds: term.weight * term.value,
      share: Math.min(1, Math.max(0, (term.weight * term.value) / largest)),
    }))
    .toSorted((a, b) => b.adds - a.adds)
}
