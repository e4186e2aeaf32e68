import { createContext } from 'svelte'

import type { LiveFeed } from '#lib/live/feed.svelte.ts'
import type { Ticker } from '#lib/time/ticker.svelte.ts'

/** What the shell makes once and every page may use. */
export interface Shell {
  feed: LiveFeed
  ticker: Ticker
}

export const [useShell, provideShell] = createContext<Shell>()
