import { expect, it } from 'vitest'

import {
  absolute,
  between,
  clockMillis,
  span,
  spanLong,
  spanShort,
  stepName,
} from '#lib/time/format.ts'

it('writes times in UTC, the same on every machine', () => {
  const at = Date.UTC(2026, 10, 21, 2, 31, 10, 42)
  expect(absolute(at)).toBe('21 Nov 2026, 02:31:10 UTC')
  expect(clockMillis(at)).toBe('02:31:10.042')
  expect(between(at, at + 60_000)).toBe('21 Nov, 02:31:10 – 02:32:10')
  expect(between(at, at + 86_400_000)).toBe('21 Nov, 02:31:10 – 22 Nov, 02:31:10')
})

it('writes a dash for what is no time', () => {
  for (const at of [Number.NaN, Infinity, 9e15]) expect(absolute(at)).toBe('–')
})

it('names a duration by its largest unit, rounded down', () => {
  expect([999, 59_999, 60_000, 3_599_999, 7_200_000, 3 * 86_400_000].map(span)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '59 min',
    '2 h',
    '3 d',
  ])
  expect(span(-5)).toBe('0 s')
  expect([34_000, 720_000, 7_200_000].map(spanShort)).toEqual(['34s', '12m', '2h'])
})

it('names a long duration by two units', () => {
  expect(spanLong(72 * 60_000)).toBe('1 h 12 min')
  expect(spanLong(2 * 3_600_000)).toBe('2 h')
  expect(spanLong(99 * 3_600_000)).toBe('4 d 3 h')
})

it('names buckets', () => {
  expect([5000, 60_000, 3_600_000].map(stepName)).toEqual(['5 s', '1 min', '1 h'])
})
