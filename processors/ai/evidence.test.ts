import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { evidencePlan } from '#/processors/domain/ai-evidence/evidence-plan.ts'
import type { Reads } from '#/schemas/reads.ts'
import { collectEvidence, FACTS_MAX, recheckFacts } from './evidence.ts'
import type { EvidencePack } from './evidence.ts'
import {
  CART_ISSUE,
  incidentAt,
  insertEvents,
  insertOutage,
  memberOf,
  MINUTE,
} from './test-incident.ts'

let engine: TestEngine
let reads: Reads
let pack: EvidencePack
const START = systemClock.nowMs() - 20 * MINUTE
const incident = incidentAt(START)
const options = { windowEnd: START + 6 * MINUTE, asOf: START + 7 * MINUTE }

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 30 })
  reads = createReads(engine.clickhouse)
  await insertOutage(engine.clickhouse, START)
  await insertEvents(engine.clickhouse, [
    {
      project: 'rival',
      id: 'r1',
      at: START,
      service: 'cart',
      fingerprint: CART_ISSUE,
      title: 'SecretOfRival',
      user: 'rival-user',
    },
  ])
  pack = await collectEvidence(reads, incident, options)
})
afterAll(() => engine.stop())

const textsOf = (facts: readonly { kind: string; text: string }[], kind: string): string[] =>
  facts.filter((fact) => fact.kind === kind).map(({ text }) => text)

describe('evidence', () => {
  it('[I7] is counted by queries that anybody may run, numbered, with as-of and hash', async () => {
    const { facts, problems } = pack
    expect(problems).toEqual([])
    expect(facts.length).toBeGreaterThan(10)
    expect(facts.length).toBeLessThanOrEqual(FACTS_MAX)
    expect(facts.map(({ id }) => id)).toEqual(facts.map((_, index) => `E${index + 1}`))
    for (const fact of facts) {
      expect(fact.hash).toMatch(/^[0-9a-f]{16}$/)
      expect(fact.as_of).toBe(options.asOf)
    }
    expect(textsOf(facts, 'counts')[0]).toContain('60 events from 7 users in 2 services')
    expect(textsOf(facts, 'before')[0]).toContain('counted 0 events')
  })

  it('[I11] shows what would solve it: who failed first, the deploy before, the release and the host that stand out', async () => {
    const { facts } = pack
    const services = textsOf(facts, 'service')
    expect(services[0]).toContain('Service cart reports 40')
    expect(services[1]).toContain('30 s after the first of all')
    expect(textsOf(facts, 'deploy')[0]).toContain(
      'Deploy deploy-v7 (code) brought release v7 of cart',
    )
    expect(textsOf(facts, 'deploy')[0]).toContain('120 s before the first of these events')
    expect(textsOf(facts, 'release')[0]).toContain('Of 40 events of release v7 of cart, 40 belong')
    expect(textsOf(facts, 'lift').join(' ')).toContain('host h1')
    expect(textsOf(facts, 'issue').join(' ')).toContain(
      '"PoolExhausted: no connection" was never seen before',
    )
  })

  it('[I16] never holds anything of another project, also when names try to break out of the query', async () => {
    const nasty = [
      "x') OR 1=1 --",
      "\\'); DROP TABLE events; --",
      "') UNION ALL SELECT * FROM system.users --",
    ]
    const bad = incidentAt(START, {
      services: [...nasty, 'cart'],
      members: nasty.map((fingerprint) =>
        memberOf({ fingerprint, key: fingerprint, firstAt: START }),
      ),
    })
    for (const { facts, problems } of [pack, await collectEvidence(reads, bad, options)]) {
      expect(problems).toEqual([])
      expect(JSON.stringify(facts)).not.toMatch(/SecretOfRival|rival-user/)
    }
  })

  it('[N11] asked again it is the same, until late data changes what was counted', async () => {
    const { facts } = pack
    const first = await recheckFacts(reads, incident, { facts })
    expect(first.map(({ state }) => state)).toEqual(facts.map(() => 'same'))
    await insertEvents(engine.clickhouse, [
      {
        id: 'late',
        at: START + MINUTE,
        service: 'cart',
        fingerprint: CART_ISSUE,
        release: 'v7',
        host: 'h1',
        user: 'u-late',
      },
    ])
    const later = await recheckFacts(reads, incident, { facts })
    const stateOf = (kind: string): string[] =>
      facts.flatMap((fact, index) => (fact.kind === kind ? [later[index]?.state ?? ''] : []))
    expect(stateOf('counts')).toEqual(['changed'])
    expect(later[0]?.text).toContain('61 events from 8 users')
    // Only what the late event is about: cart, not payment.
    expect(stateOf('service')).toEqual(['changed', 'same'])
    expect(stateOf('deploy')).toEqual(['same'])
  })

  it('says which part could not be asked instead of leaving a hole without a word', async () => {
    const empty = {
      columns: [],
      rows: [],
      rows_read: 0,
      bytes_read: 0,
      elapsed_ms: 0,
      truncated: false,
    }
    const broken: Pick<Reads, 'guardedSql'> = {
      guardedSql: (query) =>
        query.sql.includes('FROM deploys')
          ? Promise.reject(new Error('no'))
          : Promise.resolve(empty),
    }
    const { facts, problems } = await collectEvidence(broken, incident, options)
    expect(problems).toEqual(['deploy: no'])
    expect(facts).toEqual([])
  })

  it('asks about the incident’s own issues and services only', () => {
    for (const { kind, sql } of evidencePlan(incident, options.windowEnd))
      expect([kind, /fingerprint IN \(|service IN \(|incidents/.test(sql)]).toEqual([kind, true])
  })
})
