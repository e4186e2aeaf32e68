/** What frames do to what is on screen: pure functions over values. */
import type { Frame, IncidentRow, SeriesPoint } from '#lib/contract.ts'

/**
 * Adds the cells of frames to a series of buckets. Cells may be finer than the buckets shown; those before
 * `from` are left out, and buckets that fall out of the range at its left end go. Values never become negative.
 */
export function addCells(
  points: readonly SeriesPoint[],
  frames: readonly Frame[],
  range: { from: number; stepMs: number },
): readonly SeriesPoint[] {
  const added = new Map<string, SeriesPoint>()
  for (const frame of frames) {
    for (const [bucket, severity, count] of frame.cells) {
      const at = Math.floor(bucket / range.stepMs) * range.stepMs
      if (at < range.from || !Number.isFinite(count)) continue
      const series = String(severity)
      const key = `${at} ${series}`
      const value = (added.get(key)?.value ?? 0) + count
      added.set(key, { at, series, value })
    }
  }
  if (added.size === 0) return points
  const next: SeriesPoint[] = []
  for (const point of points) {
    if (point.at < range.from) continue
    const key = `${point.at} ${point.series}`
    const extra = added.get(key)
    if (extra !== undefined) added.delete(key)
    next.push(
      extra === undefined ? point : { ...point, value: Math.max(0, point.value + extra.value) },
    )
  }
  for (const point of added.values()) if (point.value > 0) next.push(point)
  return next
}

/** Merge by id: known rows change in place, unknown ones are returned apart so that nothing moves. */
export function patchIncidents(
  rows: readonly IncidentRow[],
  changed: readonly IncidentRow[],
): { rows: readonly IncidentRow[]; fresh: readonly IncidentRow[] } {
  // The last one of an id wins; frames are in order.
  const newest = new Map(changed.map((row) => [row.id, row]))
  if (newest.size === 0) return { rows, fresh: [] }
  const patched = rows.map((row) => {
    const update = newest.get(row.id)
    if (update === undefined) return row
    newest.delete(row.id)
    // A frame's row comes without what is counted in the store; what is on screen stays until it is read again.
    const spark = update.spark ?? row.spark
    const errors = update.errors ?? row.errors
    return {
      ...update,
      ...(spark === undefined ? {} : { spark }),
      ...(errors === undefined ? {} : { errors }),
    }
  })
  return { rows: patched, fresh: [...newest.values()] }
}

/** The worst level first and in it the highest score, then the most recent, then by id so that the order is always the same. */
export function byRank(left: IncidentRow, right: IncidentRow): number {
  const closed = Number(left.status === 'resolved') - Number(right.status === 'resolved')
  return (
    closed ||
    left.severity - right.severity ||
    right.severity_score - left.severity_score ||
    right.updated_at - left.updated_at ||
    left.id.localeCompare(right.id)
  )
}

/** Events per second over the last `windowMs`, from the counts of frames as they came. */
export class RateMeter {
  #counts: { at: number; count: number }[] = []
  readonly #windowMs: number

  constructor(windowMs = 10_000) {
    this.#windowMs = windowMs
  }

  add(at: number, count: number): void {
    this.#counts.push({ at, count })
    if (this.#counts.length > 1200) this.#counts = this.#counts.slice(-600)
  }

  /** Null until something was counted for long enough to say. */
  perSecond(now: number): number | null {
    const from = now - this.#windowMs
    this.#counts = this.#counts.filter((entry) => entry.at >= from)
    const first = this.#counts[0]
    if (first === undefined || now - first.at < this.#windowMs / 2) return null
    const total = this.#counts.reduce((sum, entry) => sum + entry.count, 0)
    return (total * 1000) / this.#windowMs
  }
}
