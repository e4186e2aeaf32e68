import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { everyRoute } from '#/api/accounts/every-route.ts'
import { buildApp, type App } from '#/api/app.ts'
import type { DrillStart } from '#/api/drills.ts'
import { isOpenInSandbox } from '#/api/sandbox.ts'
import { createTestApp, type TestApp } from '#/api/test-app.ts'
import type { DrillView, SandboxView } from '#/schemas/drill-view.ts'

const view = { id: 3, project: 'default', title: 'checkout is down' } as DrillView
const TOKEN = 'operator-of-the-test'

let test: TestApp
let app: App
let sandbox: App
let asked: DrillStart[] = []
let ended: string[] = []

beforeAll(async () => {
  test = await createTestApp()
  const deps = { ...test.deps, operatorToken: TOKEN }
  app = buildApp({
    ...deps,
    drills: {
      start: async (wish) => {
        asked.push(wish)
        return view
      },
      list: (project) => (project === view.project ? [view] : []),
      end: async ({ id, by }) => {
        ended.push(`${id} by ${by}`)
        return view
      },
      report: () => ({ report: { drill: view } as never, markdown: '# Drill 3\n', head: 'h' }),
    },
  })
  sandbox = buildApp({
    ...deps,
    surfaces: new Set(['reads']),
    config: { ...deps.config, isSandbox: true },
    sandbox: {
      view: (): SandboxView => ({ drill: view, home: { port: 1, url: '' }, now: 2 }),
      end: async (by) => {
        ended.push(`here by ${by}`)
        return view
      },
    },
  })
})
beforeEach(() => {
  asked = []
  ended = []
})
afterAll(async () => {
  await app.close()
  await sandbox.close()
  await test.close()
})

async function send(to: App, url: string, body: object = {}, bearer = TOKEN) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${bearer}` }
  const answer = await to.inject({ method: 'POST', url, headers, payload: JSON.stringify(body) })
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() }
}

describe('drills over HTTP', () => {
  it('start with what is usual, or as asked', async () => {
    expect((await send(app, '/api/drills', { incident: 12 })).status).toBe(202)
    await send(app, '/api/drills?project=shop', {
      incident: '#7',
      speed: 20,
      minutes: 5,
      grace_s: 0,
      answer: 'v2',
    })
    const rest = { minutes: null, answer: [], by: 'the operator', project: 'default' }
    expect(asked).toEqual([
      { ...rest, incident: '12', speed: 1, grace_s: 600 },
      {
        ...rest,
        project: 'shop',
        incident: '#7',
        speed: 20,
        minutes: 5,
        grace_s: 0,
        answer: ['v2'],
      },
    ])
  })

  it('name the field that is wrong, and start nothing', async () => {
    const wrong: [object, string][] = [
      [{}, 'incident'],
      [{ incident: true }, 'incident'],
      [{ incident: 'x'.repeat(201) }, 'incident'],
      [{ incident: 1, speed: 21 }, 'speed'],
      [{ incident: 1, speed: 0.5 }, 'speed'],
      [{ incident: 1, speed: '5' }, 'speed'],
      [{ incident: 1, minutes: 0 }, 'minutes'],
      [{ incident: 1, grace_s: 3_601 }, 'grace_s'],
      [{ incident: 1, answer: ['—'] }, 'answer[0]'],
      [{ incident: 1, answer: ['a', 'b', 'c', 'd', 'e', 'f'] }, 'answer'],
      [{ incident: 1, sped: 5 }, 'sped'],
    ]
    for (const [body, path] of wrong)
      expect(await send(app, '/api/drills', body)).toMatchObject({ status: 400, body: { path } })
    expect(asked).toEqual([])
    expect((await send(app, '/api/drills', { incident: 1 }, test.readKey)).status).toBe(403)
    expect((await send(app, '/api/drills/x/end')).body).toMatchObject({ path: 'id' })
  })

  it('are listed, ended and reported, to their project', async () => {
    const get = (url: string) => app.inject({ url })
    expect((await get('/api/drills')).json()).toMatchObject({ items: [{ id: 3 }] })
    expect((await get('/api/drills?project=shop')).json()).toMatchObject({ items: [] })
    await send(app, '/api/drills/3/end')
    expect(ended).toEqual(['3 by the operator'])
    const markdown = await get('/api/drills/3/report?format=md')
    expect([markdown.headers['content-type'], markdown.body]).toEqual([
      'text/markdown; charset=utf-8',
      '# Drill 3\n',
    ])
    expect((await get('/api/drills/3/report')).json()).toMatchObject({ head: 'h' })
    expect((await get('/api/drill')).statusCode).toBe(404)
  })
})

describe('a sandbox', () => {
  it('says what it is to its project, and nothing to another', async () => {
    expect((await sandbox.inject({ url: '/api/drill' })).json()).toMatchObject({ drill: { id: 3 } })
    const other = await sandbox.inject({ url: '/api/drill?project=shop' })
    expect([other.statusCode, other.body.includes('checkout')]).toEqual([404, false])
    expect((await send(sandbox, '/api/drill/end?project=shop')).status).toBe(404)
    await send(sandbox, '/api/drill/end')
    expect(ended).toEqual(['here by the operator'])
  })

  it('refuses what belongs to the platform, and takes no events', async () => {
    const refused = await send(sandbox, '/api/operator/keys', { project: 'default' })
    expect(refused).toMatchObject({ status: 404 })
    const key = await send(sandbox, '/api/keys', { name: 'x' })
    expect(key.status).toBe(403)
    expect(key.body['detail']).toContain('This is a drill')
    expect((await send(sandbox, '/v1/events', {})).status).toBe(404)
    expect((await send(sandbox, '/api/sql', { sql: 'SELECT 1' })).body['detail']).not.toContain(
      'drill',
    )
  })

  it('is open for work on incidents alone', () => {
    const open = everyRoute()
      .filter((route) => route.method !== 'GET' && isOpenInSandbox(route))
      .map(({ method, path }) => `${method} ${path}`)
    expect(open.toSorted()).toEqual([
      'PATCH /api/incidents/:id',
      'POST /api/ai/ask',
      'POST /api/auth/login',
      'POST /api/auth/logout',
      'POST /api/auth/refresh',
      'POST /api/drill/end',
      'POST /api/incidents',
      'POST /api/incidents/:id/commands',
      'POST /api/incidents/:id/post-mortem',
      'POST /api/sql',
      'POST /api/ws-ticket',
    ])
  })
})
