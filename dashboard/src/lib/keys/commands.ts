import { goto } from '$app/navigation'
import { page } from '$app/state'

import type { Command } from '#lib/keys/actions.ts'
import { setSingleKeys, singleKeysOn } from '#lib/keys/preference.ts'
import { moveRow } from '#lib/keys/rows.ts'
import type { Shell } from '#lib/live/context.ts'
import { rangeOf, rangeParams, shifted } from '#lib/time/range.ts'
import { withParams } from '#lib/url-state.ts'

export interface CommandDeps {
  shell: Shell
  /** Steps back over one change of the view; false when there is none. */
  undo: () => boolean
  changeTheme: () => void
  showKeys: () => void
  showPalette: () => void
  showExport: () => void
}

function focusOn(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector)
  element?.focus()
  if (element instanceof HTMLInputElement) element.select()
  return element !== null
}

/** What a page keeps for a key of its own: clicked where it is a button, else it gets the focus. */
function useOwn(selector: string, otherwise: () => void): void {
  const element = document.querySelector<HTMLElement>(selector)
  if (element === null) otherwise()
  else if (element instanceof HTMLButtonElement) element.click()
  else element.focus()
}

/** What each command of the registry does on the page that is shown. */
export function createCommands(deps: CommandDeps): Readonly<Record<Command, () => void>> {
  const { feed, ticker, crosshair, says } = deps.shell
  const shift = (direction: -1 | 1): void => {
    const range = shifted(rangeOf(page.url.searchParams, ticker.now), direction, ticker.now)
    void goto(withParams(page.url, rangeParams(range)), { reset: false })
  }
  const ofIncident = (key: string): void =>
    useOwn(`[data-key="${key}"]`, () => says.say('Join an open incident to change it.'))
  const clickOn = (selector: string, otherwise: string): void => {
    const element = document.querySelector<HTMLElement>(selector)
    if (element === null) says.say(otherwise)
    else element.click()
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
    show_new: () =>
      useOwn('[data-key="n"]', () => clickOn('button.fresh', 'Nothing new waits here.')),
    assign: () => ofIncident('a'),
    merge: () => ofIncident('shift+m'),
    split: () => ofIncident('shift+s'),
    lock_cursor() {
      if (crosshair.at === null) says.say('Move the cursor over a chart first, then lock it.')
      else says.say(crosshair.toggleLock() ? 'The cursor is locked.' : 'The cursor is free again.')
    },
    toggle_markers() {
      const isOff = document.documentElement.dataset['markers'] === 'off'
      document.documentElement.dataset['markers'] = isOff ? 'on' : 'off'
      says.say(isOff ? 'Deploy markers are shown.' : 'Deploy markers are hidden.')
    },
    undo: () =>
      useOwn('[data-undo]', () =>
        says.say(deps.undo() ? 'Undone.' : 'There is no change of the view to undo.'),
      ),
    save_view: () =>
      useOwn('[data-key="s"]', () => clickOn('[data-save-view]', 'This page has no saved views.')),
    copy_link: () =>
      void navigator.clipboard.writeText(location.href).then(
        () => says.say('The link to this view is copied.'),
        () => says.say(`The browser does not let us copy. The link: ${location.href}`),
      ),
    export: deps.showExport,
    toggle_single_keys() {
      const on = !singleKeysOn()
      setSingleKeys(on)
      says.say(on ? 'Single keys are on.' : 'Single keys are off. ⌘/Ctrl . switches them on.')
    },
    show_keys: deps.showKeys,
    show_palette: deps.showPalette,
  }
}
