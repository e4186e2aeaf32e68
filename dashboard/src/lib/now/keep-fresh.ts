import { apiPath, askAgain } from '#lib/api/path.ts'
import { rangeQuery } from '#lib/api/range-query.ts'
import type { Overview } from '#lib/contract.ts'
import type { Shell } from '#lib/live/context.ts'
import type { NowState } from '#lib/now/now-state.svelte.ts'
import { relativeRange } from '#lib/time/range.ts'

/** After an incident changed, and without any change. */
const REFRESH_MS_MIN = 1000
const REFRESH_MS_MAX = 20_000
/** With open incidents: their counts must not lag behind the chart beside them. */
const REFRESH_MS_OPEN = 5000
/** The chart paints no more often than this. */
const COUNT_MS_MIN = 500

/**
 * Frames change the page at once, its sentence and totals with the rows; what is counted in the store comes from the
 * API, which is asked again when an incident changed, and at times anyway. Returns how to stop.
 */
export function keepFresh(view: NowState, { feed, ticker }: Shell): () => void {
  void view.findWords()
  let isSoon = false
  let timer = setTimeout(refresh, REFRESH_MS_OPEN)
  function after(delayMs: number): void {
    clearTimeout(timer)
    timer = setTimeout(refresh, delayMs)
  }
  async function refresh(): Promise<void> {
    const { relative } = view.range
    const range = relative === null ? view.range : relativeRange(relative, ticker.now)
    // Nobody looks: the next one will do.
    if (document.hidden) return after(REFRESH_MS_OPEN)
    // A failed refresh changes nothing on screen but that the page says how old it is.
    const overview = await askAgain<Overview>(apiPath('overview', rangeQuery(range)))
    if (overview === null) view.isLate = true
    else if (feed.status !== 'paused') view.refresh(overview)
    isSoon = false
    after(view.rows.some((row) => row.status !== 'resolved') ? REFRESH_MS_OPEN : REFRESH_MS_MAX)
  }
  let counting: ReturnType<typeof setTimeout> | undefined
  /** The first frame counts at once, those that follow are gathered. */
  function count(): void {
    counting = view.count(ticker.now) ? setTimeout(count, COUNT_MS_MIN) : undefined
  }
  const stop = feed.listen((frames) => {
    const hasChanged = view.apply(frames, ticker.now)
    if (counting === undefined) count()
    if (isSoon || (!hasChanged && view.hasData)) return
    isSoon = true
    after(REFRESH_MS_MIN)
  })
  return () => {
    clearTimeout(timer)
    clearTimeout(counting)
    stop()
  }
}
