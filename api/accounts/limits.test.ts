import { expect, it } from 'vitest'
import { createTestPeople } from './test-people.ts'

it('[H9] queries are limited person by person and key by key, with the seconds to wait', async () => {
  const test = await createTestPeople({ config: { sqlPerMinuteMax: 3 } })
  const admin = await test.person('admin')
  const ada = await test.person('viewer')
  const query = (headers: Record<string, string>) =>
    test.call('POST', '/api/sql', { body: { sql: 'SELECT 1' }, headers })
  const as = ({ bearer }: { bearer: string }) => ({ authorization: `Bearer ${bearer}` })
  for (let count = 0; count < 3; count += 1) expect((await query(as(ada))).status).not.toBe(429)
  const limited = await query(as(ada))
  expect(limited).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
  expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0)
  expect((await query(as(admin))).status).not.toBe(429)
  expect((await query({ 'x-api-key': test.readKey })).status).not.toBe(429)
  await test.clock.advance(Number(limited.headers['retry-after']) * 1000)
  expect((await query(as(ada))).status).not.toBe(429)
  await test.close()
})
