import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { openKeys } from './keys.ts'
import type { Keys } from './keys.ts'
import { TEST_NOW_MS, createTestApp } from './test-app.ts'
import type { TestApp } from './test-app.ts'

let test: TestApp
beforeEach(async () => {
  test = await createTestApp()
})
afterEach(() => test.close())

const CONFIG = { topic: TOPICS.config.name, partition: 0 }

async function configBytes(): Promise<string> {
  const records = await test.log.read(CONFIG, 0, { bytesMax: 1 << 20, waitMs: 0 })
  return records
    .map(({ key, value }) => `${key?.toString()} ${value?.toString('latin1')}`)
    .join('\n')
}

/** A second process over the same log. */
async function reopened<T>(use: (keys: Keys) => Promise<T> | T): Promise<T> {
  const { log, deps } = test
  const { schemaIds, registry } = deps
  const keys = await openKeys({ log, schemaIds, registry, clock: systemClock })
  try {
    return await use(keys)
  } finally {
    await keys.close()
  }
}

describe('API keys', () => {
  it('[H5] neither the log nor a listing holds a key or its random part', async () => {
    const { key } = await test.deps.keys.createKey({
      project: 'default',
      name: 'x',
      scopes: ['ingest'],
    })
    expect(key).toMatch(/^fl_[0-9a-f]{12}_[0-9a-f]{64}$/)
    const secret = key.split('_')[2] ?? ''
    const dump = `${await configBytes()}${JSON.stringify(test.deps.keys.listKeys())}`
    expect(dump).toContain(key.split('_')[1])
    expect(dump).not.toContain(secret)
    expect(dump).not.toContain(test.ingestKey.split('_')[2])
  })

  it('keys and revocations outlive the process', async () => {
    const { keys } = test.deps
    const { key, info } = await keys.createKey({ project: 'shop', name: 'x', scopes: ['read'] })
    expect(await reopened((again) => again.verify(key))).toMatchObject({ project: 'shop' })
    await keys.revokeKey({ id: info.id })
    await keys.revokeKey({ id: info.id })
    expect(await reopened((again) => again.verify(key))).toBeUndefined()
    expect(keys.listKeys('shop')).toMatchObject([{ id: info.id, revoked_at: TEST_NOW_MS }])
  })

  it('another process hears of a revocation while it runs', async () => {
    const { key, info } = await test.deps.keys.createKey({
      project: 'shop',
      name: 'x',
      scopes: ['read'],
    })
    await reopened(async (other) => {
      expect(other.verify(key)).toBeDefined()
      await test.deps.keys.revokeKey({ id: info.id })
      for (let tries = 0; tries < 100 && other.verify(key) !== undefined; tries += 1)
        await systemClock.sleep(10)
      expect(other.verify(key)).toBeUndefined()
    })
  })

  it('[A11] uses are written once a minute, and never undo a revocation', async () => {
    const { keys } = test.deps
    const { key, info } = await keys.createKey({ project: 'shop', name: 'x', scopes: ['read'] })
    const before = await test.log.endOffset(CONFIG)
    for (let uses = 0; uses < 1_000; uses += 1) keys.verify(key)
    expect(await test.log.endOffset(CONFIG)).toBe(before)
    await test.clock.advance(60_000)
    await systemClock.sleep(20)
    expect(await test.log.endOffset(CONFIG)).toBe(before + 1)
    expect(await reopened((again) => again.listKeys('shop'))).toMatchObject([
      { last_used_at: TEST_NOW_MS },
    ])
    keys.verify(key)
    await keys.revokeKey({ id: info.id })
    await test.clock.advance(60_000)
    await systemClock.sleep(20)
    expect(await reopened((again) => again.verify(key))).toBeUndefined()
  })

  it('refuses what is no key of ours, and names of projects that would not fit an address', async () => {
    const { keys } = test.deps
    for (const wrong of [
      '',
      'fl_',
      test.ingestKey.toUpperCase(),
      `${test.ingestKey}0`,
      'x'.repeat(10_000),
    ])
      expect(keys.verify(wrong)).toBeUndefined()
    await expect(
      keys.createKey({ project: '../etc', name: 'x', scopes: ['read'] }),
    ).rejects.toMatchObject({ code: 'invalid_request', path: 'project' })
    await expect(keys.createKey({ project: 'shop', name: 'x', scopes: [] })).rejects.toMatchObject({
      path: 'scopes',
    })
    await expect(keys.revokeKey({ id: 'none' })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('projects are made once', async () => {
    const { keys } = test.deps
    await keys.ensureProject({ id: 'shop', name: 'The shop' })
    await keys.ensureProject({ id: 'shop', name: 'Another name' })
    expect(keys.listProjects()).toMatchObject([{ id: 'shop', name: 'The shop' }])
  })
})

describe('keys over HTTP', () => {
  const admin = () => ({ 'x-api-key': test.adminKey })

  it('an administrator creates, lists and revokes; others may not', async () => {
    expect((await test.get('/api/keys')).status).toBe(401)
    expect((await test.get('/api/keys', { 'x-api-key': test.readKey })).status).toBe(403)
    const made = await test.post(
      { name: 'ci', scopes: ['ingest'] },
      { url: '/api/keys', key: test.adminKey },
    )
    expect(made.status).toBe(201)
    const { key, info } = made.body as { key: string; info: { id: string } }
    expect((await test.post({ event_type: 'error', service: 'a' }, { key })).status).toBe(202)
    const listed = await test.get('/api/keys', admin())
    expect(listed.text).toContain(info.id)
    expect(listed.text).not.toContain('hash')
    const gone = await test.app.inject({
      method: 'DELETE',
      url: `/api/keys/${info.id}`,
      headers: admin(),
    })
    expect(gone.statusCode).toBe(200)
    expect((await test.post({ event_type: 'error', service: 'a' }, { key })).status).toBe(401)
    const bad = await test.post({ scopes: ['root'] }, { url: '/api/keys', key: test.adminKey })
    expect(bad.body).toMatchObject({ path: 'scopes' })
  })

  it('[H6] an administrator of one project does not see or touch keys of another', async () => {
    const { info } = await test.deps.keys.createKey({
      project: 'other',
      name: 'x',
      scopes: ['read'],
    })
    expect((await test.get('/api/keys', admin())).text).not.toContain(info.id)
    const options = { method: 'DELETE', url: `/api/keys/${info.id}`, headers: admin() } as const
    expect((await test.app.inject(options)).statusCode).toBe(404)
    expect((await test.get('/api/keys?project=other', admin())).status).toBe(403)
  })
})

describe('who may read', () => {
  it('on loopback reads are open, but a key that is sent must be right', async () => {
    expect((await test.get('/api/incidents')).status).toBe(200)
    expect((await test.get('/api/incidents', { 'x-api-key': 'wrong' })).status).toBe(401)
    expect((await test.get('/api/incidents', { 'x-api-key': test.ingestKey })).status).toBe(403)
    expect((await test.get('/api/incidents', { 'x-api-key': test.readKey })).status).toBe(200)
  })

  it('where keys are required, nothing is read without one', async () => {
    await test.close()
    test = await createTestApp({ config: { readAccess: 'keys' } })
    for (const url of [
      '/api/incidents',
      '/api/stream',
      '/api/stream/frames',
      '/metrics',
      '/health/detailed',
    ])
      expect((await test.get(url)).status).toBe(401)
    expect((await test.get('/health/live')).status).toBe(200)
    expect((await test.get('/api/incidents', { 'x-api-key': test.readKey })).status).toBe(200)
  })

  it('[H6] a key reads its own project only', async () => {
    const { key } = await test.deps.keys.createKey({ project: 'shop', name: 'x', scopes: ['read'] })
    await test.get('/api/events', { 'x-api-key': key })
    expect(test.reads.calls.at(-1)?.query).toMatchObject({ project: 'shop' })
    expect((await test.get('/api/events?project=default', { 'x-api-key': key })).status).toBe(403)
  })
})
