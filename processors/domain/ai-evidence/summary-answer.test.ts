import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EvidenceFact } from '#/schemas/insight.ts'
import type { Insight } from '#/schemas/records.ts'
import { misfit } from './json-schema.ts'
import { numbersIn, unknownNumbers } from './numbers.ts'
import { plainText, sqlText } from './sql-text.ts'
import { checkSummary, confidenceWords, SUMMARY_SCHEMA } from './summary-answer.ts'

const facts: EvidenceFact[] = [
  'The issues count 1,234 events from 37 users; 12.5 % of the requests failed.',
  'Deploy d-7 brought release v7 of cart-2 at 10:00:12 UTC.',
].map((text, at) => ({
  id: `E${at + 1}`,
  kind: at === 0 ? 'counts' : 'deploy',
  text,
  sql: '',
  key: '',
  as_of: 0,
  hash: '',
}))
const rules = {
  title: 'By rules',
  impact: 'Rules on impact.',
  likely_causes: ['Rules on causes.'],
  next_steps: ['Rules on steps.'],
} as unknown as Insight
const claim = (text: string, ...evidence: string[]) => ({ text, evidence })
const answer = (part: object = {}) => ({
  title: 'Cart fails',
  impact: claim('37 users are hit', 'E1'),
  likely_causes: [claim('release v7', 'E2')],
  next_steps: [claim('look at cart-2', 'E2')],
  confidence: 0.9,
  ...part,
})
const check = (value: unknown) => checkSummary(JSON.stringify(value), { facts, rules })

describe('numbers of a sentence', () => {
  const known = numbersIn(facts.map(({ text }) => text))
  it('[I7] are those of the facts, within one hundredth', () => {
    for (const fine of [
      '1234 events',
      '1,234 events',
      '1240 events',
      '12.5%',
      '12.5 percent',
      'release v7 of cart-2',
      'at 10:00:12 UTC,',
      'no number',
    ])
      expect([fine, unknownNumbers(fine, known)]).toEqual([fine, []])
    for (const wrong of [
      '1300 events',
      '38 users',
      'release v8',
      'cart-3',
      'at 10:00:13 UTC',
      '37k users',
      '٣٧٨ users',
    ])
      expect([wrong, unknownNumbers(wrong, known).length]).toEqual([wrong, 1])
  })

  it('[I7] whatever is in the facts is known, whatever is far from all of it is not', () => {
    const amount = fc.integer({ min: 1, max: 1_000_000 })
    fc.assert(
      fc.property(fc.array(amount, { minLength: 1, maxLength: 10 }), amount, (counted, other) => {
        const pack = numbersIn(counted.map((one) => `It counts ${one} events.`))
        for (const one of counted) expect(unknownNumbers(`${one} of them`, pack)).toEqual([])
        const isFar = counted.every((one) => Math.abs(one - other) > 0.011 * Math.max(one, other))
        if (isFar) expect(unknownNumbers(`${other} of them`, pack)).toEqual([String(other)])
      }),
    )
  })
})

describe('an answer held to the facts', () => {
  it('[I7] keeps what it can and fills the rest from the rules', () => {
    const verdict = check(answer({ next_steps: [claim('wait 99 minutes', 'E1')] }))
    expect(verdict).toMatchObject({
      ok: true,
      summary: { impact: '37 users are hit', next_steps: ['Rules on steps.'], dropped: 1 },
    })
  })

  it('[I8] without a cause that rests on facts it is at most a fifth sure, and says why', () => {
    const verdict = check(answer({ likely_causes: [claim('the moon', 'E9')] }))
    expect(verdict).toMatchObject({ ok: true, summary: { confidence: 0.2 } })
    expect(confidenceWords(0.2)).toBe('not enough evidence')
    expect(confidenceWords(0.5)).toBe('')
    expect(check(answer({ confidence: 0.05 }))).toMatchObject({ summary: { confidence: 0.05 } })
  })

  it('[I16] drops links, markup and addresses wherever they stand', () => {
    for (const bad of [
      'see https://a.b',
      'see [x](y)',
      '<b>x</b>',
      'go to evil.com now',
      'javascript:alert',
      '<!-- x',
    ])
      expect([bad, check(answer({ impact: claim(bad, 'E1') }))]).toMatchObject([
        bad,
        { summary: { impact: 'Rules on impact.' } },
      ])
    expect(check(answer({ title: 'click http://x' }))).toMatchObject({
      summary: { title: 'By rules' },
    })
  })

  it('says why it cannot be used', () => {
    const reasons = [
      'not json',
      '[]',
      JSON.stringify(answer({ extra: 1 })),
      JSON.stringify({ ...answer(), confidence: 2 }),
    ].map((text) => checkSummary(text, { facts, rules }))
    expect(reasons.map((one) => (one.ok ? '' : one.reason))).toEqual([
      'the answer is not JSON',
      'the answer does not fit: $ must be an object',
      'the answer does not fit: $.extra is not known',
      'the answer does not fit: $.confidence is out of its range',
    ])
  })

  it('takes the one fence some models put around JSON', () => {
    const fenced = `\`\`\`json\n${JSON.stringify(answer())}\n\`\`\``
    expect(checkSummary(fenced, { facts, rules }).ok).toBe(true)
  })

  it('[I1] never throws, and whatever it accepts cites only what exists', () => {
    const any = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record({
          title: fc.string(),
          impact: fc.record({
            text: fc.string(),
            evidence: fc.array(fc.constantFrom('E1', 'E2', 'E3')),
          }),
          likely_causes: fc.array(
            fc.record({ text: fc.string(), evidence: fc.array(fc.constantFrom('E1', 'E9')) }),
          ),
          next_steps: fc.array(fc.record({ text: fc.string(), evidence: fc.array(fc.string()) })),
          confidence: fc.double(),
        })
        .map((value) => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(any, (text) => {
        const verdict = checkSummary(text, { facts, rules })
        expect(verdict.ok || verdict.reason !== '').toBe(true)
        if (!verdict.ok) return
        const ids = verdict.summary.sentences.flatMap(({ evidence }) => evidence)
        expect(ids.every((id) => id === 'E1' || id === 'E2')).toBe(true)
        expect(verdict.summary.confidence).toBeLessThanOrEqual(0.85)
      }),
    )
  })
})

it('the schema is strict: every object is closed and asks for all of its fields', () => {
  const objects = [SUMMARY_SCHEMA, SUMMARY_SCHEMA.properties?.['impact']]
  for (const one of objects) {
    expect(one?.additionalProperties).toBe(false)
    expect(one?.required).toEqual(Object.keys(one?.properties ?? {}))
  }
  expect(misfit({ ...answer(), title: '' }, SUMMARY_SCHEMA)).toBe('$.title is empty')
})

it('values in SQL cannot end their quotation, and log text in a sentence cannot either', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const inner = sqlText(value).slice(1, -1)
      expect(inner.replaceAll(/\\[\s\S]/g, '')).not.toMatch(/['\\\0]/)
      expect(plainText(value)).not.toMatch(/["`\p{Cc}]/u)
    }),
  )
})
