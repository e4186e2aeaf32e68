import { redirect } from '@sveltejs/kit'

import type { Incident } from '#lib/contract.ts'

/**
 * Merged incidents keep their address for ever: whoever asks for one is led to the one it went into, whether the API
 * has followed the link already or not.
 */
export function followMerge(
  asked: string,
  { id, number, redirectTo }: Incident,
  pathOf: (id: string) => string,
): void {
  const isAsked = id === asked || String(number) === asked.replace('#', '')
  const target = redirectTo === '' ? id : redirectTo
  if (redirectTo !== '' || !isAsked) redirect(307, pathOf(encodeURIComponent(target)))
}
