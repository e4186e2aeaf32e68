import type { DeployView } from '#lib/contract.ts'

/** Changes that can break logic; content, copy, scaling and the like rarely do. */
const BREAKING: ReadonlySet<string> = new Set([
  'code',
  'migration',
  'configuration',
  'config',
  'flag',
  'feature_flag',
  'dependency',
])

export const canBreak = ({ change_kind: kind }: Pick<DeployView, 'change_kind'>): boolean =>
  BREAKING.has(kind.toLowerCase())

/** Those that can break logic first, each group newest first. */
export function byRisk(deploys: readonly DeployView[]): {
  breaking: readonly DeployView[]
  other: readonly DeployView[]
} {
  const sorted = deploys.toSorted((a, b) => b.at - a.at)
  return {
    breaking: sorted.filter((deploy) => canBreak(deploy)),
    other: sorted.filter((deploy) => !canBreak(deploy)),
  }
}
