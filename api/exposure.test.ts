import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assertSafeExposure, hostNameOf, isLoopbackHost } from './exposure.ts'
import { createTestApp } from './test-app.ts'
import type { TestApp } from './test-app.ts'

describe('where the server may listen', () => {
  it('refuses the network without accounts, and names the remedy', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org'])
      expect(() => assertSafeExposure({ host, hasAccounts: false })).toThrowError(
        expect.objectContaining({ code: 'config_unsafe', path: 'host' }),
      )
    for (const host of ['127.0.0.1', 'localhost', '::1'])
      assertSafeExposure({ host, hasAccounts: false })
    assertSafeExposure({ host: '0.0.0.0', hasAccounts: true })
  })

  it.each(['127.0.0.1', '127.8.8.8', 'LOCALHOST', '[::1]'])('%s is loopback', (host) => {
    expect(isLoopbackHost(host)).toBe(true)
  })
  it.each(['127.0.0.1.evil.example', 'localhost.evil.example', '128.0.0.1', '', '[::2]'])(
    '%s is not',
    (host) => {
      expect(isLoopbackHost(host)).toBe(false)
    },
  )
  it.each([
    ['localhost:3000', 'localhost'],
    ['[::1]:3000', '[::1]'],
    ['Example.ORG', 'example.org'],
    ['a b', ''],
    ['user@localhost', ''],
    [undefined, ''],
  ])('the host of %j is %j', (header, host) => {
    expect(hostNameOf(header)).toBe(host)
  })
})

describe('names and origins', () => {
  let test: TestApp
  beforeEach(async () => {
    test = await createTestApp({ config: { hostsAllowed: ['faultline.internal'] } })
  })
  afterEach(() => test.close())

  it('a name that was made to point at loopback gets no answer', async () => {
    const answer = await test.get('/api/incidents', { host: 'evil.example' })
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden', path: 'host' } })
    expect((await test.get('/', { host: 'evil.example' })).status).toBe(403)
    expect((await test.get('/nowhere', { host: 'evil.example' })).status).toBe(403)
    expect((await test.get('/api/incidents', { host: 'faultline.internal:3000' })).status).toBe(200)
  })

  it('a page of another site neither reads nor writes', async () => {
    const headers = { origin: 'https://evil.example' }
    const event = { event_type: 'error', service: 'a' }
    expect((await test.post(event, { headers })).status).toBe(403)
    expect(
      (await test.post({ sql: 'SELECT 1' }, { url: '/api/sql', key: null, headers })).status,
    ).toBe(403)
    const read = await test.get('/api/incidents', headers)
    expect(read.headers['access-control-allow-origin']).toBeUndefined()
    const preflight = await test.app.inject({ method: 'OPTIONS', url: '/api/incidents', headers })
    expect(preflight.headers['access-control-allow-origin']).toBeUndefined()
    expect(preflight.statusCode).toBeGreaterThanOrEqual(400)
  })

  it('a page of this server writes', async () => {
    const headers = { origin: 'http://localhost:3000', host: 'localhost:3000' }
    const event = { event_type: 'error', service: 'a' }
    expect((await test.post(event, { headers })).status).toBe(202)
  })
})
