/**
 * Attached to a `details`: says when it is open, also when somebody opened it before the page's scripts had come, whose
 * event nobody heard.
 */
export function opened(onopen: () => void): (details: HTMLDetailsElement) => () => void {
  return (details) => {
    const look = (): void => {
      if (details.open) onopen()
    }
    look()
    details.addEventListener('toggle', look)
    return () => details.removeEventListener('toggle', look)
  }
}
