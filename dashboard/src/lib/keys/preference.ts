/** Single keys can be switched off (WCAG 2.1.4); the browser remembers it. */
const NAME = 'faultline-single-keys'

export function singleKeysOn(): boolean {
  try {
    return localStorage.getItem(NAME) !== 'off'
  } catch {
    // A browser that keeps nothing is asked again each time.
    return true
  }
}

export function setSingleKeys(on: boolean): void {
  try {
    if (on) localStorage.removeItem(NAME)
    else localStorage.setItem(NAME, 'off')
  } catch {
    // Then it holds for as long as nothing is loaded anew, which is not at all.
  }
}
