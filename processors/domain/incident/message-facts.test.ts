import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readMessage, textSimilarity } from './message-facts.ts'

const KNOWN = {
  service: (token: string): boolean => token === 'store-4' || token === 'pay.api',
  external: (token: string): boolean => token === 'BANK',
}
const read = (message: string, errorType = ''): ReturnType<typeof readMessage> =>
  readMessage({ message, errorType }, KNOWN)

describe('what a message tells', () => {
  it.each([
    ['TimeoutError', 'gave up', 'call'],
    ['', 'connect ECONNREFUSED 10.0.0.1:80', 'call'],
    ['HTTP503', 'failed to load', 'call'],
    ['ConnectionPoolExhausted', 'no connection left', 'resource'],
    ['', 'java.lang.OutOfMemoryError: Java heap space', 'resource'],
    ['TypeError', 'cannot read x of undefined', 'local'],
  ])('%s: %s is %s', (type, message, nature) => expect(read(message, type).nature).toBe(nature))

  it('finds known services, also ones with dots, and hosts outside', () => {
    const facts = read('store-4 (pay.api) said: request to api.stripe.example. failed, see BANK')
    expect(facts.services).toEqual(['pay.api', 'store-4'])
    expect(facts.externals).toEqual(['BANK', 'api.stripe.example'])
  })

  it.each([
    'at main.ts and index.js',
    'java.lang.NullPointerException in com.shop.cart',
    'version 1.2.3 of 10.0.0.1',
    'e.g. this or i.e. that...',
    'Some.Class.Method',
  ])('%s names no host', (message) => expect(read(message).externals).toEqual([]))

  it('reads any text, however long, and answers sorted lists', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5000 }), (message) => {
        const { words, externals } = read(message)
        expect(words).toEqual(words.toSorted())
        expect(externals).toEqual(externals.toSorted())
      }),
    )
    const hostile = `${'a.'.repeat(500_000)}-`
    expect(read(hostile).nature).toBe('local')
  })

  it('similarity is the share of common words', () => {
    expect(textSimilarity(['a', 'b'], ['b', 'c'])).toBeCloseTo(1 / 3)
    expect(textSimilarity([], [])).toBe(0)
    expect(textSimilarity(['a'], ['a'])).toBe(1)
  })
})
