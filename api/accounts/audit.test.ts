import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSilenceDesk } from '#/api/silence-desk.ts'
import { TEST_NOW_MS } from '#/api/test-app.ts'
import { createManualClock, systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { crc32c } from '#/processors/log/crc32c.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { openAudit, type AuditDeps } from './audit.ts'
import { verifyAudit } from './audit-reading.ts'
import { createTestPeople, PASSWORD, type TestPeople } from './test-people.ts'

const TP = { topic: 'audit.v1', partition: 0 }
const TOPIC = {
  name: TP.topic,
  partitions: 1,
  retentionMs: Number.POSITIVE_INFINITY,
  retentionBytes: Number.POSITIVE_INFINITY,
  compacted: false,
}
const NOTE = { actor: 'user:ada', action: 'key.create', target: 'key:1', result: 'done' } as const

async function depsOf(log: Log): Promise<AuditDeps> {
  await log.createTopics([TOPIC])
  const registry = createMemoryRegistry()
  return { log, registry, schemaIds: await registerAll(registry), clock: createManualClock(1_000) }
}

async function written(deps: AuditDeps, count: number): Promise<ConsumedRecord[]> {
  const audit = openAudit(deps)
  for (let n = 0; n < count; n += 1)
    await audit.record({ ...NOTE, target: `key:${n}`, detail: { n } })
  await audit.close()
  const records = await deps.log.read(TP, 0, { bytesMax: 1 << 24, waitMs: 0 })
  return records.map((record) => ({ ...record, value: Buffer.from(record.value ?? '') }))
}

/** What a log says of these records, put into one of their own. */
async function verdictOf(deps: AuditDeps, records: readonly ConsumedRecord[]) {
  const log = createMemoryLog({ clock: deps.clock })
  await log.createTopics([TOPIC])
  if (records.length > 0) await log.append([{ ...TP, records }])
  return verifyAudit({ ...deps, log }, '')
}

/** As whoever changes a file on purpose would do it: each batch of Kafka's format says what its bytes sum up to. */
function withMendedChecksums(bytes: Buffer): Buffer {
  for (let at = 0; at + 61 <= bytes.length;) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    bytes.writeUInt32BE(crc32c(bytes.subarray(at + 21, end)), at + 17)
    at = end
  }
  return bytes
}

describe('the chain', () => {
  it('[H7] is whole as it was written, across processes one after the other and at the same time', async () => {
    const deps = await depsOf(createMemoryLog({ clock: systemClock }))
    await written(deps, 3)
    await written(deps, 2)
    const [one, two] = [openAudit(deps), openAudit(deps)]
    for (let n = 0; n < 5; n += 1) await Promise.all([one.record(NOTE), two.record(NOTE)])
    const verdict = await one.verify('')
    expect(verdict).toMatchObject({ isWhole: true, entries: 15, writers: 4, knownHead: null })
    expect(verdict.head).toMatch(/^[0-9a-f]{64}$/)
    await Promise.all([one.close(), two.close()])
  })

  it('[H7] one flipped byte anywhere is found, and where', async () => {
    const deps = await depsOf(createMemoryLog({ clock: systemClock }))
    const records = await written(deps, 4)
    expect(await verdictOf(deps, records)).toMatchObject({ isWhole: true, entries: 4 })
    const place = fc.record({ index: fc.nat(3), at: fc.nat(), bit: fc.nat(7) })
    await fc.assert(
      fc.asyncProperty(place, async ({ index, at, bit }) => {
        const changed = records.map((record) => ({
          ...record,
          value: Buffer.from(record.value ?? ''),
        }))
        const value = changed[index]?.value ?? Buffer.alloc(1)
        value[at % value.length] = (value[at % value.length] ?? 0) ^ (1 << bit)
        const verdict = await verdictOf(deps, changed)
        expect(verdict.isWhole).toBe(false)
        expect(verdict.problems[0]?.offset).toBe(index)
      }),
      { numRuns: 300 },
    )
  })

  it('[H7] what is left out, added, exchanged or moved is found', async () => {
    const deps = await depsOf(createMemoryLog({ clock: systemClock }))
    const records = await written(deps, 5)
    const [a, b, c, d, e] = records as [
      ConsumedRecord,
      ConsumedRecord,
      ConsumedRecord,
      ConsumedRecord,
      ConsumedRecord,
    ]
    const stranger =
      (await written(await depsOf(createMemoryLog({ clock: systemClock })), 1))[0] ?? a
    for (const wrong of [
      [b, c, d, e],
      [a, b, d, e],
      [a, c, b, d, e],
      [a, b, c, c, d, e],
      [a, b, stranger, c, d, e],
      [a, { ...b, key: Buffer.from('user:eve') }, c, d, e],
      [a, { ...b, timestampMs: 5 }, c, d, e],
      [a, { ...b, value: null }, c, d, e],
    ])
      expect((await verdictOf(deps, wrong)).isWhole).toBe(false)
  })

  it('[H7] that the newest are missing shows against a head that was written down', async () => {
    const deps = await depsOf(createMemoryLog({ clock: systemClock }))
    const records = await written(deps, 3)
    const { head } = await verifyAudit(deps, '')
    await written(deps, 2)
    expect(await verifyAudit(deps, head)).toMatchObject({ isWhole: true, knownHead: true })
    const log = createMemoryLog({ clock: systemClock })
    await log.createTopics([TOPIC])
    await log.append([{ ...TP, records: records.slice(0, 2) }])
    expect(await verifyAudit({ ...deps, log }, '')).toMatchObject({ isWhole: true })
    expect(await verifyAudit({ ...deps, log }, head)).toMatchObject({
      isWhole: false,
      knownHead: false,
    })
  })

  it('[H7] a byte flipped on the disk is found: by the checksum, and by the chain where that was mended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'faultline-audit-'))
    try {
      const open = () => openEmbeddedLog({ dir: folder, clock: systemClock })
      const log = await open()
      const deps = await depsOf(log)
      await written(deps, 20)
      expect(await verifyAudit(deps, '')).toMatchObject({ isWhole: true, entries: 20 })
      await log.close()
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      const file = join(folder, files.find((name) => /audit\.v1.*\.log$/.test(name)) ?? '')
      const bytes = readFileSync(file)
      bytes[bytes.indexOf('key:7') + 4] = '8'.charCodeAt(0)
      writeFileSync(file, bytes)
      await expect(open()).rejects.toMatchObject({ code: 'log_corrupt' })
      writeFileSync(file, withMendedChecksums(bytes))
      const again = await open()
      const verdict = await verifyAudit({ ...deps, log: again }, '')
      await again.close()
      expect(verdict.problems).toEqual([
        { offset: 7, what: expect.stringContaining('its hash') as string },
      ])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('[H7] when the log fails nothing is lost, and the chain stays whole', async () => {
    const inner = createMemoryLog({ clock: systemClock })
    let isDown = false
    const log = new Proxy(inner, {
      get(own, name: keyof Log) {
        if (name !== 'append') return own[name].bind(own)
        return async (batches: Parameters<Log['append']>[0]) => {
          const done = await own.append(batches)
          // The answer gets lost: whether it was written is not known.
          if (isDown) throw new FaultlineError('log_unavailable', 'down')
          return done
        }
      },
    })
    const deps = { ...(await depsOf(log)), clock: systemClock }
    const audit = openAudit(deps)
    await audit.record(NOTE)
    isDown = true
    await expect(audit.record({ ...NOTE, action: 'user.change' })).rejects.toMatchObject({
      code: 'log_unavailable',
    })
    isDown = false
    await audit.record(NOTE)
    const actions = (await audit.page({ before: null, limit: 10 })).map(({ action }) => action)
    expect(actions).toContain('user.change')
    expect(await audit.verify('')).toMatchObject({ isWhole: true })
    await audit.close()
  })

  it('[H7] ten thousand refusals of one kind are two entries, of many kinds bounded', async () => {
    const clock = createManualClock(1_000)
    const deps = { ...(await depsOf(createMemoryLog({ clock: systemClock }))), clock }
    const audit = openAudit(deps)
    for (let n = 0; n < 10_000; n += 1) audit.note({ ...NOTE, result: 'denied' })
    await clock.advance(60_000)
    for (let n = 0; n < 10_000; n += 1)
      audit.note({ ...NOTE, actor: `address:${n}`, result: 'denied' })
    await audit.close()
    const entries = await audit.page({ before: null, limit: 5_000 })
    expect(entries.length).toBeLessThan(1_010)
    expect(entries).toContainEqual(expect.objectContaining({ detail: { repeated: 9_999 } }))
  })
})

describe('changes by administrators', () => {
  it('[H7] each is in the trail before it is answered, whichever address made it', async () => {
    const test = await createTestPeople({
      silences: (deps) => openSilenceDesk({ ...deps, onProblem: () => undefined }),
    })
    const { bearer, id } = await test.person('admin')
    const body = { service: '*', until: TEST_NOW_MS + 60_000, reason: 'new disks' }
    const made = await test.call('POST', '/api/silences', { body, bearer })
    expect(made).toMatchObject({ status: 201, body: { actor: 'admin 1' } })
    const [newest] = await test.audit.page({ before: null, limit: 1 })
    expect(newest).toMatchObject({
      actor: `user:${id}`,
      action: 'change',
      target: 'POST /api/silences',
      detail: { project: 'default' },
    })
    const url = '/api/projects/default/dsn/rotate'
    expect((await test.call('POST', url, { bearer })).status).toBe(200)
    const [rotated] = await test.audit.page({ before: null, limit: 1 })
    expect(rotated).toMatchObject({
      actor: `user:${id}`,
      action: 'change',
      target: 'POST /api/projects/:id/dsn/rotate',
      detail: { id: 'default' },
    })
    await test.deps.silences?.close()
    await test.close()
  })
})

describe('what is in the trail', () => {
  let test: TestPeople
  beforeEach(async () => {
    test = await createTestPeople()
  })
  afterEach(() => test.close())

  it('[H7] sign-ins, refusals and changes, with who and what and the result; administrators read it', async () => {
    const { bearer } = await test.person('admin')
    const ada = await test.person('viewer')
    const login = (password: string) =>
      test.call('POST', '/api/auth/login', { body: { email: ada.email, password } })
    await login('wrong wrong')
    await login(PASSWORD)
    await test.call('GET', '/api/users', { bearer: ada.bearer })
    await test.call('GET', '/api/users', { bearer: 'a.b.c' })
    await test.call('POST', `/api/users/${ada.id}`, { body: { role: 'responder' }, bearer })
    const made = await test.call('POST', '/api/keys', { body: { name: 'ci' }, bearer })
    await test.call('DELETE', `/api/keys/${(made.body['info'] as { id: string }).id}`, { bearer })
    await test.call('POST', '/api/auth/logout', { bearer: ada.bearer })
    expect((await test.call('GET', '/api/audit', { bearer: ada.bearer })).status).toBe(401)
    const { body } = await test.call('GET', '/api/audit?limit=100', { bearer })
    const lines = (
      body['items'] as { actor: string; action: string; target: string; result: string }[]
    )
      .map(({ actor, action, target, result }) => `${actor} ${action} ${target} ${result}`)
      .toReversed()
    const me = `user:${ada.id}`
    for (const line of [
      `address:127.0.0.1 login ${ada.email} denied`,
      `address:127.0.0.1 login ${ada.email} done`,
      `${me} access GET /api/users denied`,
      'address:127.0.0.1 access GET /api/users denied',
      `${me} register ${ada.email} done`,
    ])
      expect(lines).toContain(line)
    expect(
      lines.filter((line) => /user\.change|key\.create|key\.revoke|invitation/.test(line)),
    ).toHaveLength(4)
    expect(lines.some((line) => line.startsWith(`${me} logout`))).toBe(true)
    const page = await test.call('GET', '/api/audit?limit=2', { bearer })
    const rest = await test.call(
      'GET',
      `/api/audit?limit=500&before=${String(page.body['next'])}`,
      {
        bearer,
      },
    )
    expect((rest.body['items'] as unknown[]).length).toBeGreaterThan(5)
    expect((await test.call('GET', '/api/audit/verify', { bearer })).body).toMatchObject({
      isWhole: true,
    })
  })
})
