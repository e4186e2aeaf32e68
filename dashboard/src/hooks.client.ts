import type { HandleClientError } from '@sveltejs/kit/hooks'

import { report, watchErrors } from '#lib/report/watch.ts'

watchErrors(globalThis)

/** What breaks while pages are changed; what breaks anywhere else is heard by the window. */
export const handleError: HandleClientError = (caught) => {
  if (caught.kind === 'unknown') void report(caught.error)
}
