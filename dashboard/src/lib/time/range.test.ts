import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { parseRange } from '#lib/time/parse-range.ts'
import {
  isRefused,
  RANGE_MS_MAX,
  RANGE_MS_MIN,
  rangeOf,
  rangeParams,
  relativeRange,
  shifted,
  stepFor,
} from '#lib/time/range.ts'

// Saturday, 21 November 2026, 04:00 UTC
const NOW = Date.UTC(2026, 10, 21, 4)
const HOUR = 3_600_000

it('knows a range that cannot be, which is shown as another one', () => {
  const refused = (address: string): boolean => isRefused(new URLSearchParams(address), NOW)
  expect(['', 't=1h', 't=3+days', 'from=2026-11-20&to=2026-11-21'].some(refused)).toBe(false)
  const impossible = [
    't=-5m',
    't=abc',
    't=99999999d',
    'from=2026-11-21&to=2026-11-20',
    'from=2026-11-20',
    'from=x&to=y',
  ]
  expect(impossible.every(refused)).toBe(true)
})

function parsed(text: string): [string, string] | string {
  const result = parseRange(text, NOW)
  if (result.kind === 'unclear') return 'unclear'
  if (result.kind === 'since_release') return `release ${result.release}`
  return [new Date(result.range.from).toISOString(), new Date(result.range.to).toISOString()]
}

describe('what people type', () => {
  it.each([
    ['15m', ['2026-11-21T03:45:00.000Z', '2026-11-21T04:00:00.000Z']],
    ['last 2 hours', ['2026-11-21T02:00:00.000Z', '2026-11-21T04:00:00.000Z']],
    ['1.5 h', ['2026-11-21T02:30:00.000Z', '2026-11-21T04:00:00.000Z']],
    ['last tue 14:00 to 15:30', ['2026-11-17T14:00:00.000Z', '2026-11-17T15:30:00.000Z']],
    ['yesterday', ['2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z']],
    ['yesterday 23:00 to 01:00', ['2026-11-20T23:00:00.000Z', '2026-11-21T01:00:00.000Z']],
    ['today', ['2026-11-21T00:00:00.000Z', '2026-11-21T04:00:00.000Z']],
    ['01:00 - 02:15', ['2026-11-21T01:00:00.000Z', '2026-11-21T02:15:00.000Z']],
    // 14 o'clock lies ahead, so the day before is meant.
    ['14:00 to 15:00', ['2026-11-20T14:00:00.000Z', '2026-11-20T15:00:00.000Z']],
    ['last sat 01:00 to 02:00', ['2026-11-14T01:00:00.000Z', '2026-11-14T02:00:00.000Z']],
    [
      '2026-11-20 10:00 to 2026-11-20 11:00',
      ['2026-11-20T10:00:00.000Z', '2026-11-20T11:00:00.000Z'],
    ],
    [
      '2026-11-20T10:00:00Z/2026-11-20T11:00:00Z',
      ['2026-11-20T10:00:00.000Z', '2026-11-20T11:00:00.000Z'],
    ],
    ['since 2026-11-20', ['2026-11-20T00:00:00.000Z', '2026-11-21T04:00:00.000Z']],
    ['since v98', 'release v98'],
    ['since release 2.14.0', 'release 2.14.0'],
  ])('%s', (text, expected) => {
    expect(parsed(text)).toEqual(expected)
  })

  it('says so when it understands nothing', () => {
    for (const text of ['', 'soon', '25:99 to 26:00', 'last to', '-5m', '🙂']) {
      expect(parsed(text)).toBe('unclear')
    }
  })

  it('never throws, and never gives a range that is empty, too long or ahead', () => {
    const anything = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.stringMatching(
        /^(last |since )?[a-z]{0,4} ?\d{0,3}:?\d{0,2} ?(to|-|h|m)? ?\d{0,2}:?\d{0,2}$/,
      ),
      fc.tuple(fc.date(), fc.date()).map(([a, b]) => `${String(a)} to ${String(b)}`),
    )
    fc.assert(
      fc.property(anything, (text) => {
        const result = parseRange(text, NOW)
        if (result.kind !== 'range') return
        const length = result.range.to - result.range.from
        expect(length).toBeGreaterThanOrEqual(RANGE_MS_MIN)
        expect(length).toBeLessThanOrEqual(RANGE_MS_MAX)
        expect(result.range.to).toBeLessThanOrEqual(NOW)
      }),
    )
  })
})

describe('the address', () => {
  const params = (text: string): URLSearchParams => new URLSearchParams(text)

  it('is one hour without a word, and the default of the page where it has one', () => {
    expect(rangeOf(params(''), NOW)).toEqual({ from: NOW - HOUR, to: NOW, relative: '1h' })
    expect(rangeOf(params(''), NOW, '24h')).toMatchObject({ relative: '24h' })
    expect(rangeOf(params('t=nonsense'), NOW)).toMatchObject({ relative: '1h' })
  })

  it('survives being written and read, relative or pinned', () => {
    const ranges = [
      relativeRange('3h', NOW),
      { from: NOW - 5 * HOUR, to: NOW - HOUR, relative: null },
    ]
    for (const range of ranges) {
      const written = new URLSearchParams()
      for (const [name, value] of Object.entries(rangeParams(range))) {
        if (value !== null) written.set(name, value)
      }
      expect(rangeOf(written, NOW)).toEqual(range)
    }
  })

  it('clamps what lies ahead or too far back', () => {
    const range = rangeOf(params('from=1999-01-01&to=2999-01-01'), NOW)
    expect(range).toEqual({ from: NOW - RANGE_MS_MAX, to: NOW, relative: null })
  })
})

it('moves by half its length and stops at now', () => {
  const range = relativeRange('2h', NOW)
  expect(shifted(range, -1, NOW)).toEqual({ from: NOW - 3 * HOUR, to: NOW - HOUR, relative: null })
  expect(shifted(range, 1, NOW).to).toBe(NOW)
})

it('chooses buckets so that at most the wanted number covers the range', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: RANGE_MS_MIN, max: RANGE_MS_MAX }),
      fc.integer({ min: 60, max: 400 }),
      (length, most) => {
        expect(length / stepFor(length, most)).toBeLessThanOrEqual(most)
      },
    ),
  )
})
