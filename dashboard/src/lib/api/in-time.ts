import type { Problem } from '#lib/contract.ts'

/**
 * An answer, or after `msMax` one that says that there is none: a store that hangs must not leave a reader before a
 * blank page. What was asked goes on; nobody waits for it.
 */
export async function inTime(answer: Promise<Response>, msMax: number): Promise<Response> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<Response>((resolve) => {
    timer = setTimeout(() => {
      resolve(lateAnswer(msMax))
    }, msMax)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

function lateAnswer(msMax: number): Response {
  const title = `The store did not answer within ${msMax / 1000} s.`
  const body: Problem = {
    type: '/docs/errors#storage_unavailable',
    title,
    status: 503,
    code: 'storage_unavailable',
    detail: title,
    remedy:
      'Events are kept in the log meanwhile. Load again in a moment; Pipeline says what keeps up.',
    request_id: '',
  }
  const headers = { 'content-type': 'application/problem+json' }
  return new Response(JSON.stringify(body), { status: 503, headers })
}
