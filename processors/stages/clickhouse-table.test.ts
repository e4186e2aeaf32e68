import { expect, it } from 'vitest'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { AVRO_SCHEMAS } from '#/schemas/avro-schemas.ts'
import { createClickHouseTables } from './clickhouse-table.ts'

const OF_TODAY = 1
const OF_DETECTION = 2

function tables(schemaById: (id: number) => Promise<never>) {
  const unreached = new Proxy({} as ClickHouse, {
    get: (_target, name) => {
      throw new Error(`ClickHouse was asked for ${String(name)}`)
    },
  })
  return createClickHouseTables({
    clickhouse: unreached,
    ddl: { retentionDays: 30 },
    schemaIdOfToday: () => OF_TODAY,
    schemaById: async (id) =>
      id === OF_DETECTION
        ? { id, subject: '', version: 1, schema: AVRO_SCHEMAS.Detection }
        : schemaById(id),
  }).events
}

function batch(value: Buffer) {
  const records = [{ offset: 0, timestampMs: 0, key: Buffer.from('k'), value }]
  return { topic: 't', partition: 0, epoch: 1, lo: 0, hi: 1, token: 't', shadow: false, records }
}

const withId = (id: number): Buffer => Buffer.from([0, 0, 0, 0, id, 1, 2, 3])
const unknown = async (id: number): Promise<never> => {
  throw new FaultlineError('unknown_schema', `There is no schema ${id}.`)
}

// Waiting for such a record would hold up all behind it for ever.
it.each([
  ['bytes without a schema id', Buffer.from('plain text')],
  ['an id the registry does not know', withId(9)],
  ['a record of another kind', withId(OF_DETECTION)],
])('the sink refuses %s as data, before ClickHouse sees it', async (_what, value) => {
  const table = tables(unknown)
  const error: unknown = await table.insert(batch(value)).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'invalid_event', retryable: false })
  expect(table.isDataError(error)).toBe(true)
})

it('a registry that is away is waited for', async () => {
  const table = tables(async () => {
    throw new FaultlineError('storage_unavailable', 'nobody answers')
  })
  const error: unknown = await table.insert(batch(withId(9))).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true })
  expect(table.isDataError(error)).toBe(false)
})
