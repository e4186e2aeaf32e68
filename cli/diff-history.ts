import type { DiffState, DiffWish } from '#/api/ports.ts'
import type { ReplayDiffView } from '#/schemas/replay-view.ts'

/** Comparisons that have ended, newest first, until the process ends. */
export interface DiffHistory {
  add(wish: DiffWish, state: DiffState, finishedAtMs: number): void
  list(project: string): readonly ReplayDiffView[]
}

/** Of all projects; the oldest goes. Each holds at most `DIFFERENCES_MAX`, about 1 MB. */
const KEPT_MAX = 20
const DIFFERENCES_MAX = 500

export function createDiffHistory(): DiffHistory {
  let kept: { project: string; view: ReplayDiffView }[] = []
  let count = 0
  return {
    add(wish, state, finishedAtMs) {
      count += 1
      const view = viewOf(wish, state, { id: count, finishedAtMs })
      kept = [{ project: wish.project, view }, ...kept].slice(0, KEPT_MAX)
    },
    list: (project) => kept.filter((one) => one.project === project).map(({ view }) => view),
  }
}

function viewOf(
  { rules, without, from, to }: DiffWish,
  { phase, error, records, diff }: DiffState,
  { id, finishedAtMs }: { id: number; finishedAtMs: number },
): ReplayDiffView {
  const changed = typeof rules === 'object' && rules !== null ? Object.keys(rules) : []
  return {
    id,
    finished_at: finishedAtMs,
    phase,
    error,
    changed,
    without,
    from,
    to,
    records,
    diff:
      diff === null
        ? null
        : {
            ...diff,
            differences: diff.differences.slice(0, DIFFERENCES_MAX),
            differences_total: diff.differences.length,
          },
  }
}
