/**
 * One suite for two registries: our embedded one over HTTP, and Apicurio. Outside producers use Confluent's client as it
 * is; the platform reads through its own adapter.
 */
import type { AddressInfo } from 'node:net'
import {
  COMPATIBILITY,
  SchemaRegistry as ConfluentClient,
  SchemaType,
} from '@kafkajs/confluent-schema-registry'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildRegistryApp } from '#/api/registry-http.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import { createRecordReader } from '#/processors/stages/record-reader.ts'
import { AVRO_SCHEMAS } from '#/schemas/avro-schemas.ts'
import { encode } from '#/schemas/codec.ts'
import { registerAll } from '#/schemas/register.ts'
import { createConfluentRegistry } from '#/schemas/registry-confluent.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { subjectOf } from '#/schemas/registry.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { eventOf } from '#/test/sim/fixture.ts'
import { APICURIO, startApicurio } from './apicurio.ts'
import type { RunningRegistry } from './apicurio.ts'
import { whyNoJars } from './java.ts'

const SUBJECT = subjectOf(TOPICS.raw.name)
const MEDIA = 'application/vnd.schemaregistry.v1+json'

interface Avro {
  name: string
  namespace?: string
  fields: { name: string; type: unknown; default?: unknown }[]
}
const today = (): Avro => JSON.parse(AVRO_SCHEMAS.Event) as Avro
const evolved = (): Avro => ({
  ...today(),
  fields: [...today().fields, { name: 'weather', type: 'string', default: 'fair' }],
})
const retyped = (): Avro => ({
  ...today(),
  fields: today().fields.map((field) =>
    field.name === 'service' ? { ...field, type: 'double' } : field,
  ),
})

async function send(url: string, method: 'PUT' | 'POST', body: unknown) {
  const headers = { 'content-type': MEDIA }
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body) })
  return { status: answer.status, text: await answer.text() }
}

/** The client wants to be told the subject's level; Apicurio answers NONE where only the level of all is set. */
async function levelOf(url: string): Promise<COMPATIBILITY> {
  const answer = await fetch(`${url}/config/${SUBJECT}`)
  if (!answer.ok) return COMPATIBILITY.BACKWARD
  const { compatibilityLevel } = (await answer.json()) as { compatibilityLevel: COMPATIBILITY }
  return compatibilityLevel
}

function consumed(value: Buffer): ConsumedRecord {
  return { offset: 0, timestampMs: 0, key: Buffer.from('default/web'), value, headers: {} }
}

async function startEmbedded(): Promise<RunningRegistry> {
  const app = buildRegistryApp({ registry: createMemoryRegistry() })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => app.close() }
}

const noApicurio = await whyNoJars(APICURIO)
if (noApicurio !== undefined)
  process.stderr.write(`\nSKIPPED, NOT PASSED: the schema registry Apicurio. ${noApicurio}\n\n`)

const REGISTRIES = [
  { name: 'the embedded registry over HTTP', missing: undefined, start: startEmbedded },
  { name: 'Apicurio', missing: noApicurio, start: startApicurio },
]

describe.each(REGISTRIES)('$name', ({ missing, start }) => {
  describe.skipIf(missing !== undefined)('with Confluent’s client', () => {
    let registry: RunningRegistry
    let ids: SchemaIds
    beforeAll(async () => {
      registry = await start()
      await send(`${registry.url}/config`, 'PUT', { compatibility: 'BACKWARD' })
      ids = await registerAll(createConfluentRegistry({ url: registry.url }))
    })
    afterAll(() => registry[Symbol.asyncDispose]())

    it('[A5] gives every process the same ids', async () => {
      expect(await registerAll(createConfluentRegistry({ url: registry.url }))).toEqual(ids)
      expect(new Set(Object.values(ids)).size).toBe(Object.values(ids).length)
    })

    it('[A4] takes a producer’s evolved schema, and yesterday’s reader reads its records', async () => {
      const producer = new ConfluentClient({ host: registry.url })
      const schema = JSON.stringify(evolved())
      const { id } = await producer.register(
        { type: SchemaType.AVRO, schema },
        { subject: SUBJECT, updateConfig: false, compatibility: await levelOf(registry.url) },
      )
      expect(id).not.toBe(ids.Event)
      const value = await producer.encode(id, {
        ...eventOf({ event_id: 'late-1' }),
        weather: 'rain',
      })
      const reader = createRecordReader('Event', {
        ids,
        registry: createConfluentRegistry({ url: registry.url }),
      })
      await reader.prepare([consumed(value)])
      expect(reader.read(value)).toEqual({
        kind: 'record',
        record: eventOf({ event_id: 'late-1' }),
        isCurrent: false,
      })
    })

    it('[A4] lets outside consumers read what the platform writes', async () => {
      const consumer = new ConfluentClient({ host: registry.url })
      const event = eventOf({ event_id: 'own-1' })
      expect({ ...(await consumer.decode(encode('Event', ids.Event, event))) }).toMatchObject({
        event_id: 'own-1',
        service: event.service,
      })
    })

    it('[A4] refuses a schema that today’s reader could not read: 409 and why', async () => {
      const url = `${registry.url}/subjects/${SUBJECT}/versions`
      const refused = await send(url, 'POST', { schema: JSON.stringify(retyped()) })
      expect(refused.status).toBe(409)
      expect(refused.text).toMatch(/incompatible|cannot (read|follow)/i)
      const own = createConfluentRegistry({ url: registry.url })
      await expect(own.register(SUBJECT, JSON.stringify(retyped()))).rejects.toMatchObject({
        code: 'schema_incompatible',
        message: expect.stringContaining(SUBJECT),
      })
      // Refused whole: the subject stands as it stood.
      expect(await own.register(SUBJECT, AVRO_SCHEMAS.Event)).toBe(ids.Event)
    })

    it('an id nobody registered is told from a registry that is away', async () => {
      const own = createConfluentRegistry({ url: registry.url, retries: 0 })
      await expect(own.byId(987_654)).rejects.toMatchObject({ code: 'unknown_schema' })
      const elsewhere = createConfluentRegistry({ url: `${registry.url}/nowhere`, retries: 0 })
      await expect(elsewhere.byId(ids.Event)).rejects.toMatchObject({ code: 'storage_unavailable' })
    })
  })
})
