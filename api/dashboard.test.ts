import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { answerInProcess } from './dashboard.ts'
import { createTestApp } from './test-app.ts'
import type { TestApp } from './test-app.ts'
import { testDetail } from './test-views.ts'

const PAGE = `<!doctype html><title>Now</title>${'<p>row</p>'.repeat(500)}`

let test: TestApp
let clientDir: string
let asked: Request[]
beforeEach(async () => {
  clientDir = mkdtempSync(join(tmpdir(), 'faultline-client-'))
  mkdirSync(join(clientDir, '_app/immutable'), { recursive: true })
  writeFileSync(join(clientDir, '_app/immutable/app.abc.js'), 'export const a = 1')
  writeFileSync(join(clientDir, 'favicon.svg'), '<svg/>')
  asked = []
  const respond = async (request: Request): Promise<Response> => {
    asked.push(request)
    const headers = new Headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'self'",
    })
    headers.append('set-cookie', 'theme=dark')
    headers.append('set-cookie', 'tab=1')
    return new Response(PAGE, { status: request.url.endsWith('/gone') ? 404 : 200, headers })
  }
  test = await createTestApp({ dashboard: { respond, clientDir } })
})
afterEach(async () => {
  await test.close()
  rmSync(clientDir, { recursive: true, force: true })
})

describe('the mounted dashboard', () => {
  it.each(['/', '/incidents/12?t=1h', '/gone'])(
    'renders %s with its own status and headers',
    async (url) => {
      const { status, text, headers } = await test.get(url)
      expect(status).toBe(url === '/gone' ? 404 : 200)
      expect(text).toBe(PAGE)
      expect(headers['content-security-policy']).toBe("default-src 'self'")
      expect(headers['set-cookie']).toEqual(['theme=dark', 'tab=1'])
      expect(asked[0]?.url).toBe(`http://localhost:80${url}`.replace(':80', ''))
    },
  )

  it('compresses pages as the browser wishes', async () => {
    const get = (encoding: string) =>
      test.app.inject({ url: '/', headers: { 'accept-encoding': encoding } })
    const brotli = await get('gzip, br')
    expect(brotli.headers).toMatchObject({ 'content-encoding': 'br', vary: 'accept-encoding' })
    expect(brotliDecompressSync(brotli.rawPayload).toString()).toBe(PAGE)
    expect(gunzipSync((await get('gzip')).rawPayload).toString()).toBe(PAGE)
  })

  it('serves the browser’s files, hashed ones for ever', async () => {
    const script = await test.get('/_app/immutable/app.abc.js')
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(script.headers['content-type']).toMatch('javascript')
    expect((await test.get('/favicon.svg')).headers['cache-control']).toBe('no-cache')
    expect(asked).toHaveLength(0)
    expect((await test.get('/_app/../../etc/passwd')).text).toBe(PAGE)
  })

  it.each(['/incidents/%zz', '/%', '/explore/%E0%A4%A?q=1'])(
    '[E16] says what is wrong with %s, as a page',
    async (url) => {
      const { status, text, headers } = await test.get(url)
      expect(status).toBe(400)
      expect(headers['content-type']).toMatch('text/html')
      expect(headers['content-security-policy']).toMatch("default-src 'none'")
      expect(text).toContain('The address is not valid.')
      expect(text).toContain('Copy the whole link again.')
      expect(text).not.toContain('%zz')
      expect(asked).toHaveLength(0)
    },
  )

  it('refuses such an address of the API as a problem', async () => {
    const { status, body, headers } = await test.get('/api/incidents/%zz')
    expect(status).toBe(400)
    expect(headers['content-type']).toMatch('application/problem+json')
    expect(body).toMatchObject({ code: 'invalid_request', remedy: expect.stringContaining('%') })
  })

  it('takes an address with a broken query, and one that could be read as another host', async () => {
    expect((await test.get('/explore?q=%zz')).status).toBe(200)
    expect((await test.get('//')).status).toBe(200)
    expect((await test.get('//elsewhere.test/incidents')).status).toBe(200)
    expect(asked.map(({ url }) => new URL(url).host)).toEqual([
      'localhost',
      'localhost',
      'localhost',
    ])
  })

  it('leaves the API’s addresses to the API', async () => {
    for (const url of ['/api/nowhere', '/v1/nowhere', '/health/nowhere'])
      expect(await test.get(url)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    const posted = await test.post('{}', { url: '/incidents', key: null })
    expect(posted).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(asked).toHaveLength(0)
  })

  it('answers loads of pages without a socket, and follows the link of a merged incident', async () => {
    test.reads.data.details = [
      testDetail({ id: 'inc-1', number: 1 }),
      testDetail({ id: 'inc-9', number: 9, redirectTo: 'inc-1' }),
    ]
    const response = await answerInProcess(test.app, new Request('http://any/api/incidents/9'))
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ incident: { id: 'inc-1' } })
    const missing = await answerInProcess(test.app, new Request('http://any/api/incidents/x'))
    expect(missing.status).toBe(404)
    test.reads.sqlAnswer = undefined
    const body = JSON.stringify({ sql: 'SELECT 1' })
    const headers = { 'content-type': 'application/json' }
    const sql = new Request('http://any/api/sql', { method: 'POST', body, headers })
    expect((await answerInProcess(test.app, sql)).status).toBe(400)
  })
})

describe('without a dashboard', () => {
  it('says where the API is described', async () => {
    const other = await createTestApp()
    const { status, body } = await other.get('/')
    await other.close()
    expect(status).toBe(404)
    expect(body['remedy']).toMatch('/docs')
  })
})
