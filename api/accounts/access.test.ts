import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildApp, type App } from '#/api/app.ts'
import type { Route } from '#/api/route.ts'
import { accessPage, CALLER_NAMES, CALLERS, RAW_ROUTES, type CallerName } from './access-table.ts'
import { everyRoute, withEveryPart } from './every-route.ts'
import { createTestPeople, type TestPeople } from './test-people.ts'

const OPERATOR = 'o'.repeat(48)
const PAGE = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8')

let test: TestPeople
let app: App
let headers: Record<CallerName, Record<string, string>>
const routes = everyRoute()

beforeAll(async () => {
  test = await createTestPeople()
  app = buildApp(withEveryPart({ ...test.deps, operatorToken: OPERATOR, oidc: undefined }))
  await app.ready()
  const bearer = async (role: string) => ({
    authorization: `Bearer ${(await test.person(role)).bearer}`,
  })
  headers = {
    nobody: {},
    admin: await bearer('admin'),
    responder: await bearer('responder'),
    viewer: await bearer('viewer'),
    'key: ingest': { 'x-api-key': test.ingestKey },
    'key: read': { 'x-api-key': test.readKey },
    'key: admin': { 'x-api-key': test.adminKey },
    'operator’s token': { authorization: `Bearer ${OPERATOR}` },
  }
})
afterAll(async () => {
  await app.close()
  await test.close()
})

/** Asked with a parameter nobody knows, a call is refused with 400 after who may call was decided, and does nothing. */
async function isLetIn({ method, path }: Route, caller: CallerName): Promise<boolean> {
  const url = `${path.replaceAll(/:\w+/g, '1')}?not_a_parameter=1`
  const { statusCode } = await app.inject({ method, url, headers: headers[caller] })
  return statusCode !== 401 && statusCode !== 403
}

/** Cells of the row of an address in the page. */
function documented(address: string): Record<string, string> {
  const row = PAGE.split('\n').find((line) => line.startsWith(`| \`${address}\` |`)) ?? ''
  const cells = row.split('|').slice(2, -1)
  return Object.fromEntries(CALLER_NAMES.map((name, index) => [name, cells[index]?.trim() ?? '']))
}

/** Every address the router knows: what other modules registered by themselves too. It prints them as a tree. */
function registered(): string[] {
  const parts: string[] = []
  const paths: string[] = []
  for (const line of app.printRoutes().split('\n')) {
    const match = /^([\s│]*)[├└]── (\S*)(?: \((.*)\))?$/.exec(line)
    if (match === null) continue
    const depth = (match[1] ?? '').length / 4
    parts.splice(depth, parts.length, match[2] ?? '')
    if (match[3] !== undefined) paths.push(parts.join(''))
  }
  return [...new Set(paths)]
}

describe('who may call what', () => {
  it('[H3] docs/access.md is the table of the code', () => {
    expect(routes.length).toBeGreaterThan(60)
    expect(PAGE).toBe(accessPage(routes))
  })

  it('[H3] every registered address is in it', () => {
    const known = new Set([
      ...routes.map(({ path }) => path),
      ...RAW_ROUTES.map(({ path }) => path),
    ])
    const all = registered()
    expect(all.length).toBeGreaterThan(50)
    expect(all.filter((path) => !known.has(path))).toEqual([])
    // Negative control: without one of them it would be noticed.
    known.delete('/api/users')
    expect(all.filter((path) => !known.has(path))).toEqual(['/api/users'])
  })

  it.each(CALLER_NAMES)(
    '[H3] asked as %s, every address answers as the table says',
    async (caller) => {
      const wrong: string[] = []
      for (const route of routes.filter(({ access }) => access !== 'own')) {
        const address = `${route.method} ${route.path}`
        const wanted = documented(address)[caller] === 'yes'
        if ((await isLetIn(route, caller)) !== wanted) wrong.push(address)
      }
      expect(wrong).toEqual([])
      expect(CALLERS[caller]).toBeDefined()
    },
  )

  it('[H3] only hooks and DSNs have a proof of their own', () => {
    const own = routes.filter(({ access }) => access === 'own').map(({ path }) => path)
    expect(own.filter((path) => !/^\/(v1\/hooks\/|api\/:project\/)/.test(path))).toEqual([])
  })

  it('[H3] a table that says something else is noticed (negative control)', async () => {
    const route = routes.find(({ path }) => path === '/api/users') as Route
    expect(await isLetIn(route, 'viewer')).toBe(false)
    expect(await isLetIn(route, 'admin')).toBe(true)
    expect(documented('GET /api/users')['viewer']).toBe('no')
  })
})
