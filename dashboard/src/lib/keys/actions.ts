/** One registry: it drives the shortcuts, the palette and the sheet that lists them. */

export type Command =
  | 'focus_search'
  | 'focus_range'
  | 'toggle_pause'
  | 'toggle_theme'
  | 'next_row'
  | 'previous_row'
  | 'open_row'
  | 'show_new'
  | 'earlier'
  | 'later'
  | 'lock_cursor'
  | 'toggle_markers'
  | 'undo'
  | 'assign'
  | 'merge'
  | 'split'
  | 'save_view'
  | 'copy_link'
  | 'export'
  | 'toggle_single_keys'
  | 'show_keys'
  | 'show_palette'

export interface Action {
  /** Keys in the order they are pressed; `mod+k` is ⌘K or Ctrl+K. */
  keys: string
  title: string
  group: 'Go to' | 'In a list' | 'View' | 'Take away' | 'Help'
  does: { goto: string } | { command: Command }
}

const go = (keys: string, title: string, path: string): Action => ({
  keys,
  title,
  group: 'Go to',
  does: { goto: path },
})

const act = (keys: string, title: string, group: Action['group'], command: Command): Action => ({
  keys,
  title,
  group,
  does: { command },
})

export const ACTIONS: readonly Action[] = [
  go('g n', 'Now', '/'),
  go('g i', 'Incidents', '/incidents'),
  go('g u', 'Issues', '/issues'),
  go('g e', 'Explore', '/explore'),
  go('g d', 'Deploys', '/deploys'),
  go('g s', 'Services', '/services'),
  go('g j', 'Journey of a user or request', '/journey'),
  go('g a', 'Ask a question', '/ask'),
  go('g k', 'Knowledge: what ended incidents', '/knowledge'),
  go('g q', 'SQL', '/sql'),
  go('g p', 'Pipeline', '/pipeline'),
  go('g o', 'On call, and what was delivered', '/pipeline/deliveries'),
  go('g r', 'Replay diff: what other rules would find', '/pipeline/replay-diff'),
  go('g w', 'Detectors in SQL, and their warnings', '/pipeline/detectors'),
  go('g f', 'Sweep: pages a week against missed ones', '/pipeline/sweep'),
  go('g l', 'Drills: incidents played again to trainees', '/drills'),
  go('g t', 'Status, plain', '/status'),
  go('g ,', 'Settings: people, keys, audit trail', '/settings'),
  act('j', 'Next row', 'In a list', 'next_row'),
  act('k', 'Previous row', 'In a list', 'previous_row'),
  act('enter', 'Open the row', 'In a list', 'open_row'),
  act('n', 'Show what is new; in an incident: a note, a card', 'In a list', 'show_new'),
  act('/', 'Search', 'View', 'focus_search'),
  act('t', 'Time range', 'View', 'focus_range'),
  act('[', 'Earlier', 'View', 'earlier'),
  act(']', 'Later', 'View', 'later'),
  act('shift+l', 'Lock the cursor of all charts', 'View', 'lock_cursor'),
  act('m', 'Deploy markers on or off', 'View', 'toggle_markers'),
  act('mod+z', 'Undo the last change: of the view, on a canvas of yours', 'View', 'undo'),
  act('p', 'Pause or resume', 'View', 'toggle_pause'),
  act('shift+t', 'Theme: system, light, dark', 'View', 'toggle_theme'),
  act('a', 'Assignee, in an incident', 'View', 'assign'),
  act('shift+m', 'Merge the incident with another', 'View', 'merge'),
  act('shift+s', 'Split parts off the incident', 'View', 'split'),
  act('s', 'Save this view; in an incident: its status', 'Take away', 'save_view'),
  act('y', 'Copy the link to this view', 'Take away', 'copy_link'),
  act('x', 'Export what is on the screen', 'Take away', 'export'),
  act('mod+k', 'Search or run a command', 'Help', 'show_palette'),
  act('?', 'All keys', 'Help', 'show_keys'),
  act('mod+.', 'Single keys on or off', 'Help', 'toggle_single_keys'),
]

/** How long the first key of a sequence waits for the second. */
const SEQUENCE_MS_MAX = 1200

/** Follows presses and names the action they complete. */
export class KeyMatcher {
  #first = ''
  #firstAt = 0

  press(name: string, at: number): Action | null {
    const pending = at - this.#firstAt <= SEQUENCE_MS_MAX ? this.#first : ''
    this.#first = ''
    if (name === '') return null
    const typed = pending === '' ? name : `${pending} ${name}`
    const action = ACTIONS.find((one) => one.keys === typed)
    if (action !== undefined) return action
    if (ACTIONS.some((one) => one.keys.startsWith(`${name} `))) {
      this.#first = name
      this.#firstAt = at
    }
    return null
  }
}
