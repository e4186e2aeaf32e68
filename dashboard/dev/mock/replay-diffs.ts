import type { ComparedIncident, ReplayDiffView } from '#lib/contract.ts'

const HOUR_MS = 3_600_000

function incident(id: string, title: string, openedAt: number): ComparedIncident {
  return {
    id,
    title,
    services: ['checkout', 'payments'],
    openedAt,
    resolvedAt: null,
    level: 2,
    score: 61,
    evidence: 140,
  }
}

/** One of each difference, and an earlier comparison that failed. */
export function replayDiffs(now: number): ReplayDiffView[] {
  const one = incident('a1', 'TimeoutError in checkout', now - 2 * HOUR_MS)
  const other = incident('b2', 'Connection to <*> refused', now - HOUR_MS)
  const base = { from: now - 24 * HOUR_MS, to: now, records: 182_400, error: '' }
  return [
    {
      ...base,
      id: 2,
      finished_at: now - 90_000,
      phase: 'done',
      changed: ['incidents'],
      without: ['release=v2.4.1'],
      diff: {
        before: 7,
        after: 7,
        matched: 5,
        unchanged: 3,
        differences_total: 6,
        differences: [
          { kind: 'new', after: other },
          { kind: 'vanished', before: one },
          { kind: 'split', before: one, into: [one, other] },
          { kind: 'merged', from: [one, other], after: one },
          { kind: 'moved', before: one, after: one, byMs: -180_000 },
          {
            kind: 'severity',
            before: one,
            after: { ...one, level: 3, score: 44 },
            levels: -1,
            points: -17,
          },
        ],
      },
    },
    {
      ...base,
      id: 1,
      finished_at: now - HOUR_MS,
      phase: 'failed',
      error: 'there are more than 2,000,000 errors in the range',
      changed: ['topology'],
      without: [],
      diff: null,
    },
  ]
}
