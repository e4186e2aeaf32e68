import { createContext } from 'svelte'

import type { Crosshair } from '#lib/chart/crosshair.svelte.ts'
import type { ChartModel } from '#lib/chart/model.ts'
import type { LiveFeed } from '#lib/live/feed.svelte.ts'
import type { Ticker } from '#lib/time/ticker.svelte.ts'
import type { Says } from '#lib/ui/says.svelte.ts'

/** A chart on the screen, for those who want its numbers. */
export interface ShownChart {
  title: string
  unit: string
  model: () => ChartModel
  figure: () => HTMLElement
}

/** What the shell makes once and every page may use. */
export interface Shell {
  feed: LiveFeed
  ticker: Ticker
  crosshair: Crosshair
  says: Says
  charts: Set<ShownChart>
}

export const [useShell, provideShell] = createContext<Shell>()
