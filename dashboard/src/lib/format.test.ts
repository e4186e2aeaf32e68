import fc from 'fast-check'
import { expect, it } from 'vitest'

import { compact, counted, listed, milliseconds, percent, shortened } from '#lib/format.ts'

it('keeps small numbers whole and shortens large ones', () => {
  expect([0, 7, 61.44, 1284, 9999, 12_840, 999_960, 3_400_000, 2e9].map(compact)).toEqual([
    '0',
    '7',
    '61.4',
    '1,284',
    '9,999',
    '12.8k',
    '1.0M',
    '3.4M',
    '2.0G',
  ])
})

it('writes a dash for what is no number', () => {
  expect([compact(Number.NaN), percent(null), milliseconds(null)]).toEqual(['–', '–', '–'])
})

it('never shows 1000 of a smaller unit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 10_000, max: 900_000_000 }), (value) => {
      expect(compact(value)).not.toMatch(/^1000\.0/)
    }),
  )
})

it('says shares and durations as people do', () => {
  expect([0, 0.0004, 0.0432, 0.62, 1].map(percent)).toEqual([
    '0 %',
    '< 0.1 %',
    '4.3 %',
    '62 %',
    '100 %',
  ])
  expect([0.42, 412, 2300, 42_000].map(milliseconds)).toEqual(['0.4 ms', '412 ms', '2.3 s', '42 s'])
})

it('counts and lists in words', () => {
  expect([counted(1, 'event'), counted(1200, 'event')]).toEqual(['1 event', '1,200 events'])
  expect([listed([]), listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c', 'd'])]).toEqual([
    '',
    'a',
    'a and b',
    'a, b and 2 more',
  ])
  expect(shortened('abcdef', 4)).toBe('abc…')
})
