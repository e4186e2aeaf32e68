import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AVRO_SCHEMAS } from '#/schemas/avro-schemas.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import { registerAll } from '#/schemas/register.ts'
import { createConfluentRegistry } from '#/schemas/registry-confluent.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import type { EmbeddedRegistry } from '#/schemas/registry-embedded.ts'
import { buildRegistryApp } from './registry-http.ts'

let registry: EmbeddedRegistry
let app: FastifyInstance
beforeEach(() => {
  registry = createMemoryRegistry()
  app = buildRegistryApp({ registry })
})
afterEach(() => app.close())

const A = '{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]}'
const BAD = '{"type":"record","name":"A","fields":[{"name":"y","type":"int"}]}'

async function call(method: 'GET' | 'POST' | 'PUT', url: string, body?: unknown) {
  const type = 'application/vnd.schemaregistry.v1+json'
  const response = await app.inject({
    method,
    url,
    ...(body === undefined
      ? {}
      : { payload: JSON.stringify(body), headers: { 'content-type': type } }),
  })
  expect(response.headers['content-type']).toContain(type)
  return { status: response.statusCode, body: JSON.parse(response.body) as unknown }
}

describe('the registry over HTTP', () => {
  it('registers, reads by id and by version, and lists', async () => {
    expect(await call('POST', '/subjects/a-value/versions', { schema: A })).toEqual({
      status: 200,
      body: { id: 1 },
    })
    expect((await call('GET', '/schemas/ids/1')).body).toEqual({ schema: A })
    expect((await call('GET', '/subjects')).body).toEqual(['a-value'])
    expect((await call('GET', '/subjects/a-value/versions')).body).toEqual([1])
    const version = { subject: 'a-value', version: 1, id: 1, schema: A }
    expect((await call('GET', '/subjects/a-value/versions/latest')).body).toEqual(version)
    expect((await call('POST', '/subjects/a-value', { schema: A })).body).toEqual(version)
    expect((await call('GET', '/schemas/ids/1/versions')).body).toEqual([
      { subject: 'a-value', version: 1 },
    ])
  })

  it('[A4] answers 409 to an incompatible change and says why when asked', async () => {
    await call('POST', '/subjects/a-value/versions', { schema: A })
    const refused = await call('POST', '/subjects/a-value/versions', { schema: BAD })
    expect(refused).toMatchObject({ status: 409, body: { error_code: 409 } })
    const url = '/compatibility/subjects/a-value/versions/latest'
    expect((await call('POST', url, { schema: A })).body).toEqual({ is_compatible: true })
    const verdict = await call('POST', `${url}?verbose=true`, { schema: BAD })
    expect(verdict.body).toMatchObject({ is_compatible: false, messages: [expect.any(String)] })
  })

  it('keeps a level for all and one per subject', async () => {
    expect((await call('GET', '/config')).body).toEqual({ compatibilityLevel: 'BACKWARD' })
    expect((await call('GET', '/config/a-value')).status).toBe(404)
    await call('PUT', '/config/a-value', { compatibility: 'NONE' })
    expect((await call('GET', '/config/a-value')).body).toEqual({ compatibilityLevel: 'NONE' })
    await call('POST', '/subjects/a-value/versions', { schema: A })
    expect((await call('POST', '/subjects/a-value/versions', { schema: BAD })).status).toBe(200)
    expect((await call('PUT', '/config', { compatibility: 'SIDEWAYS' })).body).toMatchObject({
      error_code: 42203,
    })
  })

  it.each([
    ['GET', '/subjects/none/versions', 404, 40401],
    ['GET', '/subjects/none/versions/1', 404, 40401],
    ['GET', '/subjects/a-value/versions/9', 404, 40402],
    ['GET', '/subjects/a-value/versions/x', 422, 42202],
    ['GET', '/schemas/ids/99', 404, 40403],
    ['GET', '/nowhere', 404, 404],
  ] as const)('%s %s answers %i with Confluent’s code %i', async (method, url, status, code) => {
    await call('POST', '/subjects/a-value/versions', { schema: A })
    expect(await call(method, url)).toMatchObject({ status, body: { error_code: code } })
  })

  it.each(['{"type":"nope"}', 'not json', ''])('refuses %j as a schema', async (schema) => {
    const answer = await call('POST', '/subjects/a-value/versions', { schema })
    expect(answer).toMatchObject({ status: 422, body: { error_code: 42201 } })
  })

  it('answers under loopback’s names only', async () => {
    const response = await app.inject({ url: '/subjects', headers: { host: 'evil.example' } })
    expect(response.statusCode).toBe(403)
  })
})

describe('the adapter for Confluent’s interface, against it', () => {
  it('[A5] registers and reads the same schemas as the embedded registry', async () => {
    await app.listen({ port: 0, host: '127.0.0.1' })
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    const client = createConfluentRegistry({ url })
    const ids = await registerAll(client)
    expect(await registerAll(registry)).toEqual(ids)

    const other = createConfluentRegistry({ url })
    const { schema } = await other.byId(ids.Tick)
    const bytes = encode('Tick', ids.Tick, { number: 3, at: 4 })
    expect(createDecoder('Tick', { writerSchema: schema }).decode(bytes)).toEqual({
      number: 3,
      at: 4,
    })
    await expect(other.byId(999)).rejects.toMatchObject({ code: 'unknown_schema' })
    await expect(client.register('clock.v1-value', BAD)).rejects.toMatchObject({
      code: 'schema_incompatible',
    })
  })

  it('takes the level of the registry as it is', async () => {
    await app.listen({ port: 0, host: '127.0.0.1' })
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    registry.setLevel('FULL', 'clock.v1-value')
    const client = createConfluentRegistry({ url })
    expect(await client.register('clock.v1-value', AVRO_SCHEMAS.Tick)).toBe(1)
  })

  it('says so when nobody answers', async () => {
    const client = createConfluentRegistry({ url: 'http://127.0.0.1:1', retries: 0 })
    await expect(client.byId(1)).rejects.toMatchObject({ code: 'storage_unavailable' })
  })
})
