import { describe, expect, it } from 'vitest'
import { matchesGlob } from './glob.ts'

describe('globs', () => {
  it.each([
    ['*', '', true],
    ['a*c', 'abc', true],
    ['a*c', 'abcd', false],
    ['A?C', 'abc', true],
    ['?', '', false],
    ['*x*y*', 'axbyc', true],
    ['abc', 'abc', true],
    ['', 'a', false],
    ['a.c', 'abc', false],
  ])('%j on %j is %j', (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected)
  })

  it('many stars on a long text stay cheap', () => {
    const start = performance.now()
    expect(matchesGlob(`${'*a'.repeat(30)}b`, 'a'.repeat(8192))).toBe(false)
    expect(performance.now() - start).toBeLessThan(500)
  })
})
