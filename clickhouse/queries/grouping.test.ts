import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createSinkTable, SINK_TABLES } from '#/clickhouse/sink-table.ts'
import { systemClock } from '#/kernel/clock.ts'
import { encode } from '#/schemas/codec.ts'
import type { FingerprintAlias, GroupedEvent } from '#/schemas/records.ts'
import { eventOf } from '#/test/sim/fixture.ts'
import { createGroupingReads } from './grouping.ts'
import { createReads } from './reads.ts'

const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(64)) as [
  string,
  string,
  string,
  string,
]
const nowMs = systemClock.nowMs()
const range = { project: 'p', from: nowMs - 3_600_000, to: nowMs + 3_600_000, stepMs: 60_000 }
const page = { ...range, limit: 10, cursor: null, services: [], text: '' }

let engine: TestEngine
let offset = 0

async function insert(table: 'events' | 'aliases', values: readonly Buffer[]): Promise<void> {
  const records = values.map((value) => ({ offset: offset++, value }))
  await createSinkTable(engine.clickhouse, SINK_TABLES[table]).insert({
    topic: table,
    partition: 0,
    epoch: 1,
    token: `${table}:${offset}`,
    records,
  })
}

/** Two events for each pair of what they are counted as and what they would be alone. */
function events(pairs: readonly [fingerprint: string, own: string][]): Promise<void> {
  const values = pairs.flatMap(([fingerprint, own], at) =>
    [1, 2].map((copy) =>
      encode('GroupedEvent', 1, {
        ...eventOf({ event_id: `${offset}-${at}-${copy}`, occurred_at: nowMs, received_at: nowMs }),
        error_type: own === D ? 'IOError' : 'KeyError',
        message: `m ${own[0]}`,
        fingerprint,
        fingerprint_method: 'message',
        title: `title ${own[0]}`,
        culprit: '',
        template: `template ${own[0]}`,
        template_id: '',
        params: { p1: own[0] ?? '' },
        fingerprint_own: own === fingerprint ? '' : own,
        fingerprint_rule: '',
      } satisfies GroupedEvent),
    ),
  )
  return insert('events', values)
}

function alias(from: string, to: string, actor = ''): Promise<void> {
  const value: FingerprintAlias = {
    project: 'p',
    service: 'web',
    alias: from,
    canonical: to,
    at: nowMs,
    reason: actor === '' ? 'learned' : 'decided',
    actor,
    decision: actor === '' ? '' : 'g1',
  }
  return insert('aliases', [encode('FingerprintAlias', 1, value)])
}

/** Events of each issue on the page, and in the sparkline, by the first letter. */
async function issues(): Promise<Record<string, number>> {
  const { items } = await createReads(engine.clickhouse).issues({
    ...page,
    sort: 'events',
    order: 'desc',
  })
  for (const { spark, events: total } of items)
    expect((spark ?? []).reduce((sum, count) => sum + count, 0)).toBe(total)
  return Object.fromEntries(items.map((one) => [one.fingerprint[0], one.events]))
}

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 30 })
}, 60_000)

afterAll(() => engine.stop())

describe('groups in the tables', () => {
  it('[C11] old rows follow every merge and split, whoever made it, and in every order', async () => {
    await events([
      [A, A],
      [B, B],
      [C, C],
      [D, D],
    ])
    expect(await issues()).toEqual({ a: 2, b: 2, c: 2, d: 2 })
    // Learned: b is a. From then on events of b are counted as a, and say what they would be alone.
    await alias(B, A)
    await events([[A, B]])
    expect(await issues()).toEqual({ a: 6, c: 2, d: 2 })
    // Decided: a, with b in it, goes into c; later c is learned into d.
    await alias(A, C, 'ann')
    expect(await issues()).toEqual({ c: 8, d: 2 })
    await alias(C, D)
    expect(await issues()).toEqual({ d: 10 })
    // Decided: b stands alone, whatever is learned after that.
    await alias(B, B, 'ann')
    await alias(B, A)
    expect(await issues()).toEqual({ d: 6, b: 4 })
    // And left to learning again.
    await alias(B, '', 'ann')
    expect(await issues()).toEqual({ d: 10 })
  }, 60_000)

  it('[C11] the members of an issue say who put them there', async () => {
    const grouping = createGroupingReads(engine.clickhouse)
    const found = await grouping.members({ project: 'p', fingerprint: B })
    expect(found?.fingerprint).toBe(D)
    expect(
      found?.members.map(({ fingerprint, events: count, actor }) => [fingerprint[0], count, actor]),
    ).toEqual([
      ['d', 2, ''],
      ['b', 4, 'ann'],
      ['a', 2, 'ann'],
      ['c', 2, ''],
    ])
    expect(await grouping.members({ project: 'p', fingerprint: 'x' })).toBeNull()
    expect(await grouping.members({ project: 'other', fingerprint: B })).toBeNull()
  })

  it('[C11] the page of an issue shows the events and values of all its members', async () => {
    const issue = await createReads(engine.clickhouse).issue({ ...range, fingerprint: C })
    expect(issue).toMatchObject({ fingerprint: D, events: 10 })
    expect(issue?.params).toEqual([
      {
        name: 'p1',
        values: [
          { value: 'b', events: 4 },
          { value: 'a', events: 2 },
          { value: 'c', events: 2 },
          { value: 'd', events: 2 },
        ],
      },
    ])
    expect(issue?.chart.reduce((sum, point) => sum + point.value, 0)).toBe(10)
  })

  it('[C12] the newest events come with the issue they are shown under', async () => {
    const rows = await createGroupingReads(engine.clickhouse).sample({ ...range, limit: 100 })
    expect(rows).toHaveLength(10)
    expect(new Set(rows.map((row) => row.issue))).toEqual(new Set([D]))
    expect(rows[0]).toMatchObject({ service: 'web', event_type: 'error', rule: '' })
  })

  it('[C11] the shapes of issues count types and templates', async () => {
    const [shape] = await createGroupingReads(engine.clickhouse).shapes({ ...range, limit: 10 })
    expect(shape).toMatchObject({
      fingerprint: D,
      events: 10,
      services: ['web'],
      types: [
        { value: 'KeyError', events: 8 },
        { value: 'IOError', events: 2 },
      ],
    })
    expect(shape?.templates).toHaveLength(4)
  })

  it('two services that learned one pair in opposite orders have one issue', async () => {
    const [E, F] = ['e'.repeat(64), 'f'.repeat(64)]
    await events([
      [E, E],
      [F, F],
    ])
    await alias(E, F)
    await alias(F, E)
    expect(await issues()).toEqual({ d: 10, e: 4 })
  })

  it('the migration runs twice without harm', async () => {
    await engine.clickhouse.command('DELETE FROM schema_migrations WHERE number = 3')
    await migrate(engine.clickhouse, { retentionDays: 30 })
    expect(await issues()).toMatchObject({ d: 10 })
  })
})
