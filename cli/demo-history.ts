/** Newest first, one row: see `/api/events`. */
interface EventPage {
  items: readonly { occurred_at: number }[]
}

const MINUTE_MS = 60_000

/**
 * Minutes of the past that the demo still has to tell: a start on the same data goes on where the last one ended, or
 * traffic of the same hour would stand there twice. None where the events may not be read: whoever made accounts has
 * data.
 */
export async function historyLeftMin(
  historyMin: number,
  { nowMs, newestPage }: { nowMs: number; newestPage: () => Promise<EventPage | undefined> },
): Promise<number> {
  const page = await newestPage()
  if (page === undefined) return 0
  const [newest] = page.items
  if (newest === undefined) return historyMin
  return Math.max(0, Math.min(historyMin, Math.floor((nowMs - newest.occurred_at) / MINUTE_MS)))
}

/** The page with the newest event of a platform; undefined when it does not say. */
export async function newestPageOf(
  url: string,
  signal: AbortSignal,
): Promise<EventPage | undefined> {
  const answer = await fetch(new URL('/api/events?limit=1', url), { signal })
  return answer.ok ? ((await answer.json()) as EventPage) : undefined
}
