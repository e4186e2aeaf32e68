import {
  COMPATIBILITY,
  SchemaRegistry as ConfluentClient,
  SchemaType,
} from '@kafkajs/confluent-schema-registry'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { RegisteredSchema, SchemaRegistry } from './registry.ts'

export interface ConfluentOptions {
  /** `http://registry:8081`. */
  url: string
  auth?: { username: string; password: string }
  /** Attempts after the first; the registry is asked at start and for schemas not seen before, never on the hot path. */
  retries?: number
}

const RETRIES = 5
const RETRY_MS_FIRST = 200

/**
 * A registry that speaks Confluent's interface: Confluent's own, Apicurio (below `/apis/ccompat/v7`), Redpanda, or the
 * embedded one of another process. Fails with `storage_unavailable` when nobody answers.
 */
export function createConfluentRegistry(options: ConfluentOptions): SchemaRegistry {
  const client = new ConfluentClient({
    host: options.url,
    ...(options.auth === undefined ? {} : { auth: options.auth }),
    retry: { retries: options.retries ?? RETRIES, initialRetryTimeInSecs: RETRY_MS_FIRST / 1000 },
  })
  const known = new Map<number, RegisteredSchema>()
  return {
    async register(subject, schema) {
      try {
        return await register(client, { subject, schema })
      } catch (error) {
        throw failureOf(error, `register ${subject}`)
      }
    },
    async byId(id) {
      const found = known.get(id)
      if (found !== undefined) return found
      try {
        const type = await client.getSchema(id)
        const schema = JSON.stringify(type)
        const registered = { id, schema, subject: '', version: 0 }
        known.set(id, registered)
        return registered
      } catch (error) {
        throw failureOf(error, `read schema ${id}`)
      }
    },
  }
}

/**
 * Whether a change may be made is for the registry's own level to decide; the client insists on being told that
 * level, and names it when it was told another one.
 */
async function register(
  client: ConfluentClient,
  { subject, schema }: { subject: string; schema: string },
): Promise<number> {
  const wish = { type: SchemaType.AVRO as const, schema }
  const options = { subject, updateConfig: false }
  try {
    return (await client.register(wish, options)).id
  } catch (error) {
    const level = /Compatibility does not match .*!= (\w+)\)/.exec(messageOf(error))?.[1]
    const compatibility = Object.values(COMPATIBILITY).find((known) => known === level)
    if (compatibility === undefined) throw error
    return (await client.register(wish, { ...options, compatibility })).id
  }
}

/**
 * An outage is told from a schema that is not there or of no use: the first is waited for, the second makes a record a
 * dead letter. The client reports a refused connection as status 400, and what it cannot parse without any.
 */
function failureOf(error: unknown, deed: string): FaultlineError {
  const { status, name } = (error ?? {}) as { status?: unknown; name?: unknown }
  const message = messageOf(error)
  const detail = `Cannot ${deed}: ${message}`
  if (status === 409)
    return new FaultlineError('schema_incompatible', detail, {
      remedy: 'Give new fields a default; do not rename or retype old ones.',
      cause: error,
    })
  // A registry says what it misses; a bare 404 comes from something else at that address.
  const isMissing = status === 404 && !/Error, status 404|HTTP 404/.test(message)
  const isUseless = name === 'ConfluentSchemaRegistryArgumentError'
  if (isMissing || isUseless) return new FaultlineError('unknown_schema', detail, { cause: error })
  return new FaultlineError('storage_unavailable', detail, {
    remedy: 'Check the address of the schema registry, its path and that it runs.',
    cause: error,
  })
}
