import { isHttpError } from '@sveltejs/kit'
import { expect, it } from 'vitest'

import { createApi } from '#lib/api/client.ts'
import { apiPath } from '#lib/api/path.ts'

const answering =
  (body: unknown, status = 200): typeof fetch =>
  () =>
    Promise.resolve(new Response(JSON.stringify(body), { status }))

const failureOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'it did not fail',
    (thrown: unknown) => (isHttpError(thrown) ? thrown.body : thrown),
  )

it('writes lists as repeated parameters and leaves out what is not set', () => {
  const path = apiPath('search', {
    q: 'a b',
    service: ['x', 'y'],
    from: 5,
    cursor: null,
    limit: undefined,
    host: [],
  })
  expect(path).toBe('/api/search?q=a+b&service=x&service=y&from=5')
})

it('passes on what the API says is wrong with a request', async () => {
  const problem = {
    type: '',
    title: 'A parameter is wrong.',
    status: 400,
    code: 'invalid_request',
    detail: 'from must be before to.',
    remedy: 'Swap them.',
    request_id: '1',
  }
  expect(await failureOf(createApi(answering(problem, 400)).overview({}))).toMatchObject({
    status: 400,
    message: 'from must be before to.',
    code: 'invalid_request',
    remedy: 'Swap them.',
  })
})

it('keeps the inside of a broken server to itself', async () => {
  const problem = {
    type: '',
    title: 'ClickHouse cannot be reached at the moment.',
    status: 503,
    code: 'storage_unavailable',
    detail: 'connect ECONNREFUSED 10.0.0.7',
    request_id: '1',
  }
  const failure = await failureOf(createApi(answering(problem, 503)).overview({}))
  expect(failure).toMatchObject({
    status: 503,
    message: 'ClickHouse cannot be reached at the moment.',
  })
  expect(JSON.stringify(failure)).not.toContain('10.0.0.7')
})

it('says so when nobody answers, or when what answers is not the API', async () => {
  const dead = createApi(() => Promise.reject(new TypeError('fetch failed')))
  expect(await failureOf(dead.pipeline())).toMatchObject({ status: 503 })
  expect(await failureOf(createApi(answering('<html>', 502)).pipeline())).toMatchObject({
    status: 503,
  })
})

it('takes a bare list for a page', async () => {
  expect(await createApi(answering([])).services({})).toEqual({ items: [], next: null })
})

it('answers a refused query with a sentence instead of an error', async () => {
  const problem = {
    type: '',
    title: '',
    status: 400,
    code: 'invalid_sql',
    detail: 'Only one SELECT is allowed.',
    request_id: '1',
  }
  expect(await createApi(answering(problem, 400)).sql('DROP TABLE events')).toEqual({
    ok: false,
    sentence: 'Only one SELECT is allowed.',
  })
})
