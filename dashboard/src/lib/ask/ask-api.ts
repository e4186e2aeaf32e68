/** The assistant and the knowledge of the API, apart from the client that every page carries. */
import { apiPath } from '#lib/api/path.ts'
import { problemSentence } from '#lib/api/problem.ts'
import type { AskView, KnownSolution, Page, RerunView } from '#lib/contract.ts'

export type Asked<T> = { ok: true; answer: T } | { ok: false; sentence: string }

type Fetch = typeof globalThis.fetch

async function answerOf<T>(fetch: Fetch, path: string, init: RequestInit): Promise<Asked<T>> {
  const response = await fetch(path, init).catch(() => null)
  if (response === null) return { ok: false, sentence: 'The API does not answer.' }
  if (!response.ok) return { ok: false, sentence: await problemSentence(response) }
  return { ok: true, answer: (await response.json()) as T }
}

function post<T>(fetch: Fetch, path: string, body: object): Promise<Asked<T>> {
  return answerOf(fetch, apiPath(path), {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  })
}

/** A question that fails is an answer about the question, not a broken page. */
export function ask(fetch: Fetch, question: string, useModel: boolean): Promise<Asked<AskView>> {
  return post<AskView>(fetch, 'ai/ask', { question, use_model: useModel })
}

export function countAgain(incidentId: string): Promise<Asked<RerunView>> {
  return post<RerunView>(fetch, `ai/rerun/${encodeURIComponent(incidentId)}`, {})
}

export function knowledge(fetch: Fetch, q: string): Promise<Asked<Page<KnownSolution>>> {
  return answerOf(fetch, apiPath('knowledge', { q }), { headers: { accept: 'application/json' } })
}
