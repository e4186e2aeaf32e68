import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildApp, type App } from '#/api/app.ts'
import { withEveryPart } from '#/api/accounts/every-route.ts'
import { createTestApp, type TestApp } from '#/api/test-app.ts'
import { PAGES, calls, code, read } from './pages.ts'
import type { Call } from './pages.ts'

let test: TestApp
let app: App
let routes: { method: string; path: RegExp }[] = []

const exists = (call: Call): boolean =>
  routes.some(({ method, path }) => method === call.method && path.test(call.path))

beforeAll(async () => {
  test = await createTestApp()
  // Only the table of routes is looked at: nothing is asked of these.
  app = buildApp(withEveryPart({ ...test.deps, operatorToken: 'x', accounts: undefined }))
  const answer = await app.inject({ url: '/openapi.json' })
  const { paths } = answer.json<{ paths: Record<string, object> }>()
  routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    })),
  )
})
afterAll(async () => {
  await app.close()
  await test.close()
})

describe('endpoints in the pages', () => {
  it('exist, with their methods', () => {
    const named = PAGES.flatMap((page) =>
      code(read(page)).flatMap((line) => calls(line).map((call) => ({ page, ...call }))),
    )
    expect(named.length).toBeGreaterThan(15)
    expect(named.filter((call) => !exists(call))).toEqual([])
  })

  it('are noticed when they do not (negative control)', () => {
    expect(exists({ method: 'GET', path: '/health' })).toBe(true)
    expect(exists({ method: 'GET', path: '/api/incidents/17' })).toBe(true)
    expect(exists({ method: 'POST', path: '/health' })).toBe(false)
    expect(exists({ method: 'GET', path: '/v1/logs' })).toBe(false)
  })

  it('of the operator answer nobody without the token', async () => {
    const paths = ['keys', 'replay', 'dead-letters'].map((name) => `/api/operator/${name}`)
    for (const url of paths) {
      const headers = { authorization: `Bearer ${test.adminKey}` }
      expect((await app.inject({ url })).statusCode).toBe(401)
      expect((await app.inject({ url, headers })).statusCode).toBe(403)
    }
  })
})
