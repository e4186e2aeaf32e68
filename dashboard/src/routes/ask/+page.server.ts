import { ask } from '#lib/ask/ask-api.ts'

import type { PageServerLoad } from './$types'

/** The question lies in the address. A link never makes anybody pay: the model is asked by a button only. */
export const load: PageServerLoad = async ({ fetch, url }) => {
  const question = (url.searchParams.get('q') ?? '').slice(0, 500)
  return { question, asked: question.trim() === '' ? null : await ask(fetch, question, false) }
}
