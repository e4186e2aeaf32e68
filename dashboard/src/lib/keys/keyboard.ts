/** What presses do. Loaded right after a page works, so that no first paint waits for it. */
import { goto } from '$app/navigation'

import { KeyMatcher, type Action } from '#lib/keys/actions.ts'
import { createCommands, type CommandDeps } from '#lib/keys/commands.ts'
import { singleKeysOn } from '#lib/keys/preference.ts'
import { isSingle, pressName } from '#lib/keys/press.ts'
import { isTyping } from '#lib/keys/rows.ts'
import { wallClock } from '#lib/time/now.ts'

export interface Keyboard {
  onkeydown(event: KeyboardEvent): void
  run(action: Action): void
}

export function createKeyboard(deps: CommandDeps): Keyboard {
  const commands = createCommands(deps)
  const matcher = new KeyMatcher()
  function run(action: Action): void {
    if ('goto' in action.does) void goto(action.does.goto)
    else commands[action.does.command]()
  }
  return {
    run,
    onkeydown(event) {
      const name = pressName(event)
      // What is typed is taken back by the field it was typed into.
      const isText = isTyping(event.target) && (isSingle(name) || name === 'mod+z')
      if (event.defaultPrevented || isText) return
      // What is on the screen decides: a dialog that was just closed is told to us a moment later.
      if (document.querySelector('dialog[open]') !== null) return
      if (isSingle(name) && !singleKeysOn()) return
      const action = matcher.press(name, wallClock())
      // Enter belongs to the link or button that has the focus.
      if (action === null || action.keys === 'enter') return
      event.preventDefault()
      run(action)
    },
  }
}
