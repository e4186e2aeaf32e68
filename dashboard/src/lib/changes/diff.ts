import { instant, type Params } from '#lib/time/range.ts'

/** The range that is compared with the time before it: `diff=2026-01-01T02:00:00Z,2026-01-01T02:10:00Z`. */
export function readDiff(params: Params): { from: number; to: number } | null {
  const [left = '', right = ''] = (params.get('diff') ?? '').split(',')
  const [from, to] = [instant(left), instant(right)]
  return Number.isFinite(from) && Number.isFinite(to) && from < to ? { from, to } : null
}

export function writeDiff(range: { from: number; to: number }): string {
  return [range.from, range.to].map((at) => new Date(at).toISOString()).join(',')
}
