import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import { TABLE_COLUMNS } from '#/processors/domain/ai-ask/free.ts'
import { EXAMPLES } from '#/processors/domain/ai-ask/interpret.ts'
import { ASK_KINDS, type AskKind } from '#/processors/domain/ai-ask/kinds.ts'
import type { AskView } from '#/schemas/ask.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { Reads } from '#/schemas/reads.ts'
import { ATTACKS, HONEST } from '#/test/eval/ai-attacks.ts'
import { createAssistant } from './assistant.ts'
import { collectEvidence } from './evidence.ts'
import { solutionEvidence } from '#/processors/domain/ai-evidence/solution-evidence.ts'
import { sqlArray, sqlText, sqlTime } from '#/processors/domain/ai-evidence/sql-text.ts'
import { incidentAt, insertEvents, insertOutage, MINUTE } from './test-incident.ts'

let engine: TestEngine
let reads: Reads
const NOW = systemClock.nowMs()
const START = NOW - 30 * MINUTE
const DAY = 86_400_000

async function insertIncident(incident: Incident, sentence: string): Promise<void> {
  const { project, id, number, seq, status, title, openedAt, updatedAt, resolvedAt } = incident
  const resolved = resolvedAt === null ? 'NULL' : sqlTime(resolvedAt)
  await engine.clickhouse.command(
    `INSERT INTO incident_events (project, incident_id, number, seq, kind, at, sentence, status, title, severity, severity_score, opened_at, updated_at, resolved_at, services, fingerprints, events, users, root, suspect_deploy, detail) VALUES
     (${sqlText(project)}, ${sqlText(id)}, ${number}, ${seq}, ${sqlText(status === 'resolved' ? 'resolved' : 'opened')}, ${sqlTime(updatedAt)}, ${sqlText(sentence)}, ${sqlText(status)}, ${sqlText(title)}, 2, 50, ${sqlTime(openedAt)}, ${sqlTime(updatedAt)}, ${resolved}, ${sqlArray(incident.services)}, ${sqlArray(incident.members.map((one) => one.fingerprint))}, 60, 20, 'cart', 'deploy-v7', ${sqlText(JSON.stringify(incident))})`,
  )
}

async function insertCards(incidentId: string): Promise<void> {
  const steps: readonly (readonly [string, object])[] = [
    ['card_create', { id: 'a1', kind: 'action', title: 'Restart the pods' }],
    ['card_invalidate', { id: 'a1', reason: 'errors went on' }],
    ['card_create', { id: 's1', kind: 'solution', title: 'Raise the pool size', text: 'to 50' }],
    ['converge', { id: 's1', chain: ['a1'] }],
    ['card_create', { id: 's2', kind: 'solution', title: 'Only an idea' }],
  ]
  const values = steps.map(
    ([kind, payload], index) =>
      `('shop', ${sqlText(incidentId)}, ${index + 1}, 'c:${index}', '${kind}', 'anna', ${sqlTime(START - DAY + index)}, ${sqlText(JSON.stringify(payload))})`,
  )
  await engine.clickhouse.command(
    `INSERT INTO actions (project, incident_id, seq, command_id, kind, actor, at, payload) VALUES ${values.join(', ')}`,
  )
}

const answers = new Map<AskKind, AskView>()

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 30 })
  reads = createReads(engine.clickhouse)
  await insertOutage(engine.clickhouse, START)
  await insertEvents(engine.clickhouse, [
    { id: 's1', type: 'signup', at: NOW - 5 * MINUTE, service: 'cart' },
    { id: 't1', at: NOW - 4 * MINUTE, service: 'payment', user: 'u-42', message: 'read timeout' },
    {
      project: 'rival',
      id: 'r1',
      at: NOW - MINUTE,
      service: 'secret-service',
      user: 'u-42',
      message: 'timeout',
    },
  ])
  await insertIncident(incidentAt(START), 'It began.')
  const past = {
    openedAt: START - DAY,
    updatedAt: NOW - 10 * MINUTE,
    resolvedAt: NOW - 10 * MINUTE,
  }
  await insertIncident(
    incidentAt(START - DAY, { id: 'old', number: 4, status: 'resolved', ...past }),
    'Nothing was seen for 30 minutes.',
  )
  await insertCards('old')
  const assistant = createAssistant(reads, undefined)
  for (const kind of ASK_KINDS) {
    const question = EXAMPLES[kind].replace('checkout', 'cart')
    answers.set(
      kind,
      await assistant.ask({ project: 'shop', question, useModel: false, nowMs: NOW }),
    )
  }
}, 120_000)
afterAll(() => engine.stop())

describe('the assistant without a model, on tables', () => {
  const SAYS: Readonly<Partial<Record<AskKind, RegExp>>> = {
    open_incidents: /^1 incident open; the worst is #12/,
    priorities: /^Begin with #12: SEV2/,
    incident_cause: /^#12 most likely began in cart, after deploy deploy-v7/,
    incident_timeline: /^1 step/,
    similar_incidents: /the closest is #4, PoolExhausted in cart \(2 common issues, resolved\)/,
    resolved_incidents: /^1 incident resolved.*#4/,
    resolution_times: /^1 incident resolved: \d/,
    errors_by_service: /^cart has the most errors: 40 of 61/,
    error_trend: /^40 errors in cart/,
    top_issues: /^The most frequent is "PoolExhausted: no connection" with 40 events/,
    deploys: /^1 deploy; the last was v7 of cart/,
    release_health: /^v7 of cart has more errors than v6: 100 % against 0 %/,
    failed_requests: /^0 of \d+ requests failed/,
    affected_users: /^7 users met errors of incident #12, 60 errors in all/,
    user_journey: /^1 event of user u-42/,
    search: /^1 event with "timeout"/,
    business: /^1 sign-ups/,
  }
  it.each(ASK_KINDS)(
    '[I10] %s is understood, runs through the guard and says what its rows say',
    (kind) => {
      const answer = answers.get(kind)
      expect(answer).toMatchObject({ by: 'rules', kind })
      expect(answer?.sql).toMatch(/^SELECT /)
      expect(answer?.hash).toMatch(/^[0-9a-f]{16}$/)
      expect(answer?.answer).toMatch(SAYS[kind] ?? /./)
      expect(JSON.stringify(answer)).not.toContain('secret-service')
    },
  )

  it('[I10] what a model is told of the tables is what they are', async () => {
    for (const [table, columns] of Object.entries(TABLE_COLUMNS)) {
      const names = columns
        .replaceAll(/\([^)]*\)/g, '')
        .split(',')
        .map((one) => one.trim())
      const { columns: found } = await reads.guardedSql({
        project: 'shop',
        sql: `SELECT ${names.join(', ')} FROM ${table} LIMIT 0`,
        rowsMax: 1,
        timeMsMax: 5000,
      })
      expect(found.length).toBe(names.length)
    }
  })
})

describe('SQL of a model', () => {
  const run = (sql: string) =>
    reads.guardedSql({ project: 'shop', sql, rowsMax: 100, timeMsMax: 5000 }).then(
      (view) => view.rows,
      (error: unknown) =>
        isFaultlineError(error, 'invalid_sql') ? 'refused' : `other: ${String(error)}`,
    )

  it('[I10] is stopped in each of more than fifty attacks, and passes when it is honest', async () => {
    expect(new Set(ATTACKS).size).toBeGreaterThanOrEqual(50)
    const through: string[] = []
    for (const attack of ATTACKS) if ((await run(attack)) !== 'refused') through.push(attack)
    expect(through).toEqual([])
    const stopped: unknown[] = []
    for (const honest of HONEST) {
      const rows = await run(honest)
      if (!Array.isArray(rows)) stopped.push([honest, rows])
      expect(JSON.stringify(rows)).not.toContain('secret-service')
    }
    expect(stopped).toEqual([])
    expect(await run("SELECT count() FROM events WHERE project = 'rival'")).toEqual([['0']])
  }, 60_000)
})

describe('what people found out', () => {
  it('[I11] [I12] the next similar incident shows what worked and what failed', async () => {
    const detail = await reads.incident({ project: 'shop', id: 'i1' })
    expect(detail?.similar[0]).toMatchObject({
      number: 4,
      worked: ['Raise the pool size: to 50'],
      failed: ['Restart the pods'],
    })
    expect(detail?.similar[0]?.similarity).toBeGreaterThan(0.9)
    const { facts, problems } = await collectEvidence(reads, detail!.incident, {
      windowEnd: NOW,
      asOf: NOW,
      more: solutionEvidence(['old']),
    })
    expect(problems).toEqual([])
    expect(facts.filter(({ kind }) => kind === 'solution').map(({ text }) => text)).toEqual([
      'People confirmed as the solution of a similar incident: "Raise the pool size".',
    ])
  })

  it('[J6] solutions are found by their words, and only those that somebody confirmed', async () => {
    const find = (text: string) => reads.knowledge({ project: 'shop', text, limit: 10 })
    expect(await find('pool size')).toMatchObject([
      { number: 4, title: 'Raise the pool size', failed: ['Restart the pods'] },
    ])
    expect(await find('')).toHaveLength(1)
    expect(await find('kubernetes')).toEqual([])
    expect(await reads.knowledge({ project: 'rival', text: '', limit: 10 })).toEqual([])
  })
})
