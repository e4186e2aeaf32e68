import type { SweepPoint, SweepState } from '#lib/contract.ts'

const WEEK_MS = 7 * 86_400_000

/** Eight values from many pages to many missed. */
export function sweeps(now: number): SweepState[] {
  const points: SweepPoint[] = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4].map((value, index) => ({
    value,
    rules: { incidents: { openNatsNovel: 8 * value, openNatsSpike: 16 * value } },
    in_force: value === 1,
    incidents: 40 - index * 4,
    pages: 30 - index * 3,
    pages_per_week: 30 - index * 3,
    real_found: 8 - Math.max(0, index - 3),
    real_missed: Math.max(0, index - 3),
    noise_found: Math.max(0, 9 - index * 2),
    duplicates_found: 1,
    missed: [],
  }))
  return [
    {
      running: false,
      phase: 'done',
      project: 'default',
      records: 182_400,
      total: 182_400,
      error: '',
      finished_at: now - 60_000,
      result: {
        setting: 'evidence',
        page_level: 3,
        from: now - WEEK_MS,
        to: now,
        points,
        labelled: { real: 8, noise: 9, duplicate: 1 },
        not_reproduced: 1,
      },
    },
  ]
}
