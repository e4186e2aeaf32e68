import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { everyRoute } from './accounts/every-route.ts'
import { openApiOf } from './openapi.ts'
import { createTestApp } from './test-app.ts'
import type { TestApp } from './test-app.ts'

interface Operation {
  parameters: { name: string; in: string }[]
  requestBody?: object
  responses: Record<string, { description: string; content: Record<string, object> }>
}

interface Document {
  paths: Record<string, Record<string, Operation>>
}

const operationsOf = ({ paths }: Document): [string, Operation][] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  )

let test: TestApp
beforeAll(async () => {
  test = await createTestApp()
})
afterAll(() => test.close())

const HOSTILE = [
  '',
  'x',
  '-1',
  '1e999',
  '%00',
  '%ff',
  '[]',
  '2026-13-45T00:00:00Z',
  '9'.repeat(3_000),
]
const BODIES = ['', '{', '[]', 'null', '{}', '{"nosuch":1}', 'x'.repeat(11_000_000)]

interface Asked {
  method: string
  url: string
  payload?: string
  type?: string
}

/** What somebody might ask of an address: every parameter with rubbish, every body with rubbish. */
function askedOf(name: string, { parameters }: Operation): Asked[] {
  const [method = '', path = ''] = name.split(' ')
  const at = (part: string): string => path.replaceAll(/\{\w+\}/g, part)
  if (method !== 'GET') {
    const bodies = BODIES.map((payload) => ({ method, url: at('x'), payload }))
    return [
      ...bodies,
      { method, url: at('x'), payload: '<a/>', type: 'text/xml' },
      { method, url: at('x'), payload: '{}', type: 'application/x-protobuf' },
    ]
  }
  const queries = parameters
    .filter((parameter) => parameter.in === 'query')
    .flatMap((parameter) => HOSTILE.map((value) => `${at('x')}?${parameter.name}=${value}`))
  const parts = path.includes('{') ? HOSTILE.map((value) => at(value === '' ? '%20' : value)) : []
  return [at('x'), `${at('x')}?nosuch=1`, `${at('x')}?format=csv`, ...queries, ...parts].map(
    (url) => ({ method, url }),
  )
}

describe('the OpenAPI document', () => {
  it('[D1] tells every status, type and code an address answers, whatever it is sent', async () => {
    const { body } = await test.get('/openapi.json')
    const untold = new Set<string>()
    let asked = 0
    for (const [name, operation] of operationsOf(body as unknown as Document)) {
      if (name.includes('/api/stream')) continue
      for (const { method, url, payload, type = 'application/json' } of askedOf(name, operation)) {
        const sends = method === 'GET' ? {} : { 'content-type': type }
        for (const key of [test.ingestKey, test.adminKey]) {
          const answer = await test.app.inject({
            method: method as 'GET',
            url,
            headers: { 'x-api-key': key, ...sends },
            ...(payload === undefined ? {} : { payload }),
          })
          asked += 1
          const fault = faultOf(operation, answer)
          if (fault !== undefined) untold.add(`${name}: ${fault}`)
        }
      }
    }
    expect([...untold]).toEqual([])
    expect(asked).toBeGreaterThan(1_000)
  })

  it('[D1] of every part tells what is refused before a route is asked', () => {
    const document = openApiOf(everyRoute(), '0') as Document
    for (const [name, { requestBody, responses }] of operationsOf(document)) {
      expect(responses, name).toHaveProperty('400')
      if (!name.startsWith('GET')) expect(responses, name).toHaveProperty('413')
      if (requestBody !== undefined) expect(responses, name).toHaveProperty('415')
    }
    const { paths } = document
    const typesOf = (path: string): string[] =>
      Object.keys(paths[path]?.['get']?.responses['200']?.content ?? {})
    expect(typesOf('/api/incidents')).toEqual(['application/json', 'text/csv'])
    expect(typesOf('/api/incidents/{id}/post-mortem')).toEqual([
      'text/markdown',
      'text/html',
      'application/json',
    ])
    expect(Object.keys(paths['/health/ready']?.['get']?.responses ?? {})).toContain('503')
  })
})

interface Answer {
  statusCode: number
  headers: Record<string, string | string[] | number | undefined>
  body: string
}

function faultOf({ responses }: Operation, answer: Answer): string | undefined {
  const { statusCode, headers, body } = answer
  const told = responses[statusCode]
  if (told === undefined) return `${statusCode}`
  const type = (headers['content-type']?.toString() ?? '').replace(/;.*/, '')
  if (body !== '' && told.content[type] === undefined) return `${statusCode} as ${type}`
  if (type !== 'application/problem+json') return undefined
  const { code } = JSON.parse(body) as { code: string }
  return told.description.includes(`\`${code}\``) ? undefined : `${statusCode} ${code}`
}
