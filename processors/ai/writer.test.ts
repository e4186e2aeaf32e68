import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { misfit } from '#/processors/domain/ai-evidence/json-schema.ts'
import { SUMMARY_SCHEMA } from '#/processors/domain/ai-evidence/summary-answer.ts'
import { summarizeByRules } from '#/processors/domain/insight/rules.ts'
import type { EvidenceFact } from '#/schemas/insight.ts'
import {
  MODES,
  startTestEndpoint,
  testModel,
  type Mode,
  type TestEndpoint,
} from './test-endpoint.ts'
import { incidentAt } from './test-incident.ts'
import { writeSummary } from './writer.ts'
import type { Written } from './writer.ts'

const incident = incidentAt(Date.UTC(2026, 10, 25, 10))
const rules = summarizeByRules(incident)
const fact = (id: string, kind: string, text: string): EvidenceFact => ({
  id,
  kind,
  text,
  sql: 'SELECT 1',
  key: id,
  as_of: 1,
  hash: '0'.repeat(16),
})
const facts = [
  fact('E1', 'counts', 'The issues of the incident count 60 events from 7 users in 2 services.'),
  fact('E2', 'service', 'Service cart reports 40 of these events.'),
  fact(
    'E3',
    'deploy',
    'Deploy deploy-v7 (code) brought release v7 of cart, 120 s before the beginning.',
  ),
]

let endpoint: TestEndpoint
beforeAll(async () => {
  endpoint = await startTestEndpoint()
})
afterAll(() => endpoint[Symbol.asyncDispose]())
beforeEach(() => {
  endpoint.calls.length = 0
})

async function write(mode: Mode | readonly Mode[], given = facts): Promise<Written> {
  endpoint.answer(mode)
  // Only an endpoint that never ends is waited out; the others answer, however busy the machine is.
  const isEndless = mode === 'hang' || mode === 'slow_stream'
  const model = testModel(endpoint.url, isEndless ? 250 : 10_000)
  return writeSummary({ model, clock: systemClock }, { incident, facts: given, rules })
}

/** Every number and id an answer shows is of the facts, and nothing of it is a link. */
function expectHeld({ summary }: Written): void {
  expect(summary).toBeDefined()
  const { title, impact, likely_causes, next_steps, confidence, sentences } = summary!
  const claims = likely_causes.map((text) => ({ text, evidence: [] }))
  const shape = {
    title,
    impact: { text: impact, evidence: [] },
    likely_causes: claims,
    next_steps: next_steps.map((text) => ({ text, evidence: [] })),
    confidence,
  }
  expect(misfit(shape, SUMMARY_SCHEMA)).toBeUndefined()
  expect(likely_causes.length).toBeGreaterThan(0)
  expect(next_steps.length).toBeGreaterThan(0)
  for (const sentence of sentences) {
    expect(sentence.text).not.toMatch(/https?:|<img|\]\(|987654|v98765|E99|E77/)
    if (sentence.origin === 'model' && sentence.list !== 'title')
      expect(sentence.evidence.length).toBeGreaterThan(0)
    for (const id of sentence.evidence) expect(facts.map((one) => one.id)).toContain(id)
  }
}

describe('a summary by a model', () => {
  it.each(MODES)('[I1] in mode %s what is shown fits the schema or is the rules', async (mode) => {
    const written = await write(mode)
    if (['limited', 'server_error', 'hang', 'slow_stream'].includes(mode)) {
      expect(written).toMatchObject({
        summary: undefined,
        outcome: mode === 'limited' ? 'limited' : 'unavailable',
      })
      return
    }
    expectHeld(written)
    const isRules = ['prose', 'broken_json', 'schema_violation', 'truncated'].includes(mode)
    expect(written.outcome).toBe(isRules ? 'invalid' : 'ok')
    expect(written.summary?.sentences.some(({ origin }) => origin === 'model')).toBe(!isRules)
    if (isRules)
      expect(written.summary).toMatchObject({ impact: rules.impact, next_steps: rules.next_steps })
  })

  it('[I7] drops what cites facts that do not exist, and what names numbers nobody counted', async () => {
    for (const mode of ['invented_citations', 'wrong_numbers'] as const) {
      const { summary } = await write(mode)
      expect(summary).toMatchObject({ dropped: 2, impact: rules.impact })
      expect(summary?.likely_causes).toEqual([facts[2]?.text])
    }
  })

  it('asks again once, says what was wrong, and counts both', async () => {
    const written = await write(['prose', 'good'])
    expect(written).toMatchObject({ outcome: 'ok', usage: { prompt: 1800, completion: 200 } })
    expect(endpoint.calls).toHaveLength(2)
    expect(endpoint.calls[1]?.body.messages[1]?.content).toContain(
      'could not be used: the answer is not JSON',
    )
  })

  it('[I1] two answers that cannot be used are enough: the rules speak, and the reader is told', async () => {
    const written = await write('broken_json')
    expect(endpoint.calls).toHaveLength(2)
    expect(written).toMatchObject({ outcome: 'invalid', reason: 'the answer is not JSON' })
  })

  it('keeps what the first answer cost when the second never came', async () => {
    const written = await write(['prose', 'server_error'])
    expect(written).toMatchObject({
      outcome: 'unavailable',
      usage: { prompt: 900, completion: 100 },
    })
  })

  it('[I8] caps how sure a model may be by what it cites', async () => {
    const { summary } = await write('good')
    // The mock says 0.99.
    expect(summary?.confidence).toBe(0.69)
    const thin = await write('good', facts.slice(0, 1))
    expect(thin.summary?.confidence).toBeLessThan(0.5)
  })
})
