import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  OTHER_QUESTIONS,
  QUESTIONS,
  SERVICES_KNOWN,
  UNSEEN_QUESTIONS,
  type Asked,
} from '#/test/eval/questions.ts'
import { EXAMPLES, interpret } from './interpret.ts'
import { ASK_KINDS } from './kinds.ts'
import { readQuestion } from './question.ts'

const NOW = Date.UTC(2026, 10, 25, 14, 30)
const HOUR = 3_600_000
const context = { nowMs: NOW, services: SERVICES_KNOWN }

function wrongOnes(questions: readonly Asked[]): string[] {
  return questions.flatMap(({ question, kind, slots = {} }) => {
    const read = interpret(question, context)
    const isRight =
      read?.kind === kind &&
      Object.entries(slots).every(
        ([name, value]) => read.slots[name as keyof typeof read.slots] === value,
      )
    return isRight
      ? []
      : [`${question} → ${read?.kind ?? 'nothing'} ${JSON.stringify(read?.slots)}`]
  })
}

describe('questions without a model', () => {
  it('[I10] are 100 and more, five of each kind, and at least 90 of 100 are understood', () => {
    expect(QUESTIONS.length).toBeGreaterThanOrEqual(100)
    for (const kind of ASK_KINDS)
      expect(QUESTIONS.filter((one) => one.kind === kind).length).toBe(5)
    const wrong = wrongOnes(QUESTIONS)
    expect(wrong.length / QUESTIONS.length, wrong.join('\n')).toBeLessThanOrEqual(0.1)
  })

  it('[I10] so are questions the rules were not written with', () => {
    const wrong = wrongOnes(UNSEEN_QUESTIONS)
    expect(wrong.length / UNSEEN_QUESTIONS.length, wrong.join('\n')).toBeLessThanOrEqual(0.25)
  })

  it('[I10] what is none of them gets no answer instead of one to another question', () => {
    expect(OTHER_QUESTIONS.filter((one) => interpret(one, context) !== undefined)).toEqual([])
  })

  it('each kind has an example that is understood as it', () => {
    for (const kind of ASK_KINDS)
      expect([kind, interpret(EXAMPLES[kind], context)?.kind]).toEqual([kind, kind])
  })

  it.each([
    ['in the last 3 hours', NOW - 3 * HOUR, NOW],
    ['past 30 minutes', NOW - HOUR / 2, NOW],
    ['yesterday', Date.UTC(2026, 10, 24), Date.UTC(2026, 10, 25)],
    ['today', Date.UTC(2026, 10, 25), NOW],
    ['over the past two days', NOW - 48 * HOUR, NOW],
    ['for the last hour', NOW - HOUR, NOW],
    ['since 13:15', Date.UTC(2026, 10, 25, 13, 15), NOW],
    ['since 23:00', Date.UTC(2026, 10, 24, 23), NOW],
    ['last 15m', NOW - HOUR / 4, NOW],
  ])('reads the time of "%s"', (words, from, to) => {
    expect(readQuestion(`errors ${words}`, context).slots).toMatchObject({
      from,
      to,
      hasRange: true,
    })
  })

  it('takes a service only for one that is there, however it is written', () => {
    const service = (text: string): string => readQuestion(text, context).slots.service
    expect(service('errors in the Payment Service')).toBe('payment-service')
    expect(service('errors in payment')).toBe('payment-service')
    expect(service("checkout's errors")).toBe('checkout')
    expect(service('errors in billing')).toBe('')
    expect(service('cartoon errors')).toBe('')
  })

  it('never throws, and values in its SQL stay values', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const read = interpret(`find errors containing "${text}" of user u-1' OR 1=1`, context)
        // Quotations taken out, nothing of the question is left in the statement.
        const bare = read?.query.sql.replaceAll(/'(?:[^'\\]|\\.)*'/gs, '') ?? ''
        expect(bare).not.toMatch(/'|OR 1=1|--/)
      }),
    )
  })
})
