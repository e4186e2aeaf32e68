import { goto } from '$app/navigation'
import { page } from '$app/state'

import type { Command } from '#lib/keys/actions.ts'
import { moveRow } from '#lib/keys/rows.ts'
import type { LiveFeed } from '#lib/live/feed.svelte.ts'
import { rangeOf, rangeParams, shifted } from '#lib/time/range.ts'
import type { Ticker } from '#lib/time/ticker.svelte.ts'
import { withParams } from '#lib/url-state.ts'

interface CommandDeps {
  feed: LiveFeed
  ticker: Ticker
  changeTheme: () => void
  showKeys: () => void
  showPalette: () => void
}

function focusOn(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector)
  element?.focus()
  if (element instanceof HTMLInputElement) element.select()
  return element !== null
}

/** What each command of the registry does on the page that is shown. */
export function createCommands(deps: CommandDeps): Readonly<Record<Command, () => void>> {
  const { feed, ticker } = deps
  const shift = (direction: -1 | 1): void => {
    const range = shifted(rangeOf(page.url.searchParams, ticker.now), direction, ticker.now)
    void goto(withParams(page.url, rangeParams(range)), { reset: false })
  }
  return {
    focus_search: () => void (focusOn('[data-search]') || goto('/explore')),
    focus_range: () => void focusOn('[data-range]'),
    toggle_pause: () => feed.pause(feed.status !== 'paused'),
    toggle_theme: deps.changeTheme,
    next_row: () => moveRow(document, 1),
    previous_row: () => moveRow(document, -1),
    // The focused link opens by itself.
    open_row: () => undefined,
    earlier: () => shift(-1),
    later: () => shift(1),
    show_keys: deps.showKeys,
    show_palette: deps.showPalette,
  }
}
