import { mount } from 'svelte'

import Bar from '#lib/drill/Bar.svelte'

/** In place of what the server wrote there. */
export function showBar(): void {
  const target = document.querySelector('#drill')
  if (target === null) return
  target.replaceChildren()
  mount(Bar, { target })
}
