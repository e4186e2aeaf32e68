import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDecoder, encode } from '#/schemas/codec.ts'
import type { Action } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { entryOfSilence, type KeptSilence } from '#/processors/domain/incident/silence-entry.ts'
import { loadSilencesBefore } from '#/processors/stages/silences-before.ts'
import type { AppDeps } from './deps.ts'
import { openSilenceDesk, type SilenceDesk } from './silence-desk.ts'
import { createTestApp, TEST_NOW_MS, type TestApp } from './test-app.ts'

const HOUR = 3_600_000
const GOOD = { service: 'cart-*', until: TEST_NOW_MS + HOUR, reason: 'new disks' }

let app: TestApp
let desk: SilenceDesk

const depsOf = ({ log, clock, schemaIds, registry }: AppDeps) => ({
  log,
  clock,
  schemaIds,
  registry,
})

beforeEach(async () => {
  app = await createTestApp({
    silences: async (deps) => (desk = await openSilenceDesk(depsOf(deps))),
  })
})

afterEach(async () => {
  await desk.close()
  await app.close()
})

const add = (body: object, key: string = app.adminKey) =>
  app.post(body, { url: '/api/silences', key })

const remove = (id: string) =>
  app.app.inject({
    method: 'DELETE',
    url: `/api/silences/${id}`,
    headers: { authorization: `Bearer ${app.adminKey}` },
  })

async function actions(): Promise<Action[]> {
  const decoder = createDecoder('Action')
  const found: Action[] = []
  for (const { name, partitions } of await app.log.topics())
    for (let partition = 0; name === TOPICS.actions.name && partition < partitions; partition++) {
      const records = await app.log.read({ topic: name, partition }, 0, {
        bytesMax: 1 << 20,
        waitMs: 0,
      })
      found.push(...records.map(({ value }) => decoder.decode(value!)))
    }
  return found
}

const before = (timeMs: number) => {
  const { schemaIds: ids, registry } = app.deps
  return loadSilencesBefore({ log: app.log, schemas: { ids, registry } }, timeMs)
}

describe('silences over HTTP', () => {
  it('[C13] a silence is among the actions, with who and why, and in the list until it ends', async () => {
    const { status, body } = await add(GOOD)
    expect(status).toBe(201)
    expect(body).toMatchObject({ id: 's1', state: 'active', actor: 'key:admin', until: GOOD.until })
    const [action, ...others] = await actions()
    expect(others).toEqual([])
    expect(action).toMatchObject({ kind: 'silence', command_id: 'silence/s1', project: 'default' })
    expect(JSON.parse(action!.payload)).toMatchObject({
      silence: { match: { service: 'cart-*' }, from: TEST_NOW_MS, reason: 'new disks' },
    })
    await app.clock.advance(HOUR)
    const list = await app.get('/api/silences')
    expect(list.body).toMatchObject({ items: [{ id: 's1', state: 'ended' }] })
  })

  it('[C13] taking it back is an action too, once', async () => {
    await add(GOOD)
    const answer = await remove('s1')
    expect(answer.json()).toMatchObject({ state: 'removed', removed: { actor: 'key:admin' } })
    expect((await actions()).map(({ kind }) => kind)).toEqual(['silence', 'unsilence'])
    expect((await remove('s1')).statusCode).toBe(409)
    expect((await remove('s9')).statusCode).toBe(404)
  })

  it.each([
    [{ ...GOOD, service: '' }, 'service'],
    [{ ...GOOD, until: TEST_NOW_MS }, 'until'],
    [{ ...GOOD, until: undefined }, 'until'],
    [{ ...GOOD, until: TEST_NOW_MS + 91 * 24 * HOUR }, 'until'],
    [{ ...GOOD, from: 'soon' }, 'from'],
    [{ ...GOOD, from: TEST_NOW_MS + 2 * HOUR }, 'until'],
    [{ ...GOOD, reason: ' ' }, 'reason'],
    [{ ...GOOD, host: 'web-1' }, 'host'],
  ])('[C13] what makes no sense is refused and named: %j', async (body, path) => {
    expect(await add(body)).toMatchObject({ status: 400, body: { path } })
    expect(await actions()).toEqual([])
  })

  it('[C13] only an admin may mute', async () => {
    expect((await add(GOOD, app.readKey)).status).toBe(403)
  })

  it('[C13] one decided before a crash is placed after it, and numbers go on', async () => {
    const kept: KeptSilence = {
      silence: {
        id: 's7',
        project: 'default',
        match: { service: 'cart' },
        from: TEST_NOW_MS - 5,
        until: GOOD.until,
        actor: 'ann',
        reason: 'x',
      },
      atMs: TEST_NOW_MS - 5,
      removed: null,
      isPlaced: false,
    }
    const value = encode('ConfigEntry', app.deps.schemaIds.ConfigEntry, entryOfSilence(kept))
    const records = [{ key: Buffer.from('silence/default/s7'), value, timestampMs: kept.atMs }]
    await app.log.append([{ topic: TOPICS.config.name, partition: 0, records }])
    const other = await openSilenceDesk(depsOf(app.deps))
    expect(await actions()).toMatchObject([{ command_id: 'silence/s7', at: TEST_NOW_MS }])
    await other.close()
    const third = await openSilenceDesk(depsOf(app.deps))
    expect(await actions()).toHaveLength(1)
    const { silence } = await third.add({ ...kept.silence, from: undefined })
    expect(silence.id).toBe('s8')
    await third.close()
  })

  it('[C13] state that begins behind it finds it in config.v1, unless it was taken back by then', async () => {
    await add(GOOD)
    expect(await before(TEST_NOW_MS)).toEqual([])
    expect(await before(TEST_NOW_MS + 1)).toMatchObject([{ id: 's1' }])
    await app.clock.advance(1000)
    await remove('s1')
    expect(await before(TEST_NOW_MS + 500)).toMatchObject([{ id: 's1' }])
    expect(await before(TEST_NOW_MS + 1001)).toEqual([])
  })
})
