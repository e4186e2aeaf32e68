/** As much as the first load may carry: it only listens. What an error is made into comes when there is one. */
export function watchErrors(target: Pick<EventTarget, 'addEventListener'>): void {
  target.addEventListener('error', (event) => void report((event as ErrorEvent).error))
  target.addEventListener(
    'unhandledrejection',
    (event) => void report((event as PromiseRejectionEvent).reason),
  )
}

export async function report(error: unknown): Promise<void> {
  try {
    const { reportError } = await import('#lib/report/report.ts')
    await reportError(error)
  } catch {
    // A failure to report must not become something to report.
  }
}
