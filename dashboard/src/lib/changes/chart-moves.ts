import { goto } from '$app/navigation'
import { page } from '$app/state'

import { writeDiff } from '#lib/changes/diff.ts'
import { rangeParams } from '#lib/time/range.ts'
import { withParams } from '#lib/url-state.ts'

/** What dragging over a chart does to the page it is on: the rest of its address stays. */
interface Dragged {
  from: number
  to: number
}

/** The page shows that time alone, from its first line. */
export function zoom(range: Dragged): void {
  const changes = { ...rangeParams({ ...range, relative: null }), cursor: null }
  void goto(withParams(page.url, changes), { reset: false })
}

/** The page tells what changed in that time. */
export function compare(range: Dragged): void {
  void goto(withParams(page.url, { diff: writeDiff(range) }), { reset: false })
}
