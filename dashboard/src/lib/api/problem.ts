import { error } from '@sveltejs/kit'

import type { Problem } from '#lib/contract.ts'

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'title' in body
}

/** Where the API names none: loading again brings nothing back, and mends no address. */
const REMEDIES: Readonly<Record<number, string>> = {
  400: 'Correct it in the address, or start again without it.',
  404: 'The address may be mistyped, or older than what is kept. Look for it in the list.',
}

/**
 * Ends a load with the API's own words (RFC 9457 problem), so that the error page can say what happened and
 * what to do. The detail of a 5xx stays out: it is for the log, not for the page.
 */
export async function raiseProblem(response: Response, what: string): Promise<never> {
  const body: unknown = await response.json().catch(() => null)
  if (!isProblem(body)) {
    return error(response.status === 404 ? 404 : 503, `${what} cannot be read at the moment.`, {
      remedy: 'Reload in a moment.',
    })
  }
  const message = response.status < 500 && body.detail !== '' ? body.detail : body.title
  const remedy = body.remedy ?? REMEDIES[response.status]
  return error(response.status, message, {
    code: body.code,
    ...(remedy === undefined ? {} : { remedy }),
  })
}

/** For parts of a page that may fail alone: a sentence instead of an error page. */
export async function problemSentence(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null)
  if (!isProblem(body)) return `The API answered ${response.status}.`
  return body.detail === '' ? body.title : body.detail
}
