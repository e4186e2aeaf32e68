/** What somebody pressed before the page's scripts had come; app.html keeps it. */
export interface EarlyPress {
  element: HTMLElement
  /** The button a form was sent by. */
  submitter?: HTMLElement | null
  /** By the page's own clock, ms. */
  atMs: number
}

/** Older presses would come as a surprise. */
const KEPT_MS = 10_000

/** Presses again, in order, what nobody heard. */
export function replayEarly(kept: EarlyPress[], nowMs: number): void {
  for (const { element, submitter, atMs } of kept.splice(0)) {
    if (nowMs - atMs > KEPT_MS || !element.isConnected) continue
    if (element.tagName === 'FORM') (element as HTMLFormElement).requestSubmit(submitter)
    else element.click()
  }
}
