import { expect, it } from 'vitest'

import { LIST_WORDS } from '#lib/incident/query.ts'
import { leftOut, without } from '#lib/left-out/left-out.ts'
import { withParams } from '#lib/url-state.ts'

const told = (search: string): readonly string[] =>
  leftOut(new URLSearchParams(search), LIST_WORDS).map(({ sentence }) => sentence)

it('[D5] says every word of a filter that it does not know, with those it does', () => {
  expect(told('status=open&status=nope&severity=9&sort=zz')).toEqual([
    '“nope” is not known for status: open, investigating, resolved are.',
    '“9” is not known for severity: 1, 2, 3, 4, 5 are.',
    '“zz” is not known for sort: severity, updated_at, opened_at, events are.',
  ])
  expect(told('at=yesterday&as=maybe')).toEqual([
    '“yesterday” is no time: write it as 2026-11-26T09:50:00Z.',
    '“maybe” is not known for as: known, true are.',
  ])
  expect(told('state=open')).toEqual(['This page has no parameter “state”.'])
  // The names every object has are no parameters.
  expect(told('constructor=1&__proto__=2')).toHaveLength(2)
})

it('[D5] says nothing about addresses the pages make themselves', () => {
  const saved =
    'status=open&status=resolved&severity=1&service=a&q=%2312&sort=events&order=asc&cursor=x' +
    '&at=2026-11-26T09:50:00.000Z&as=true&t=1h&status='
  expect(told(saved)).toEqual([])
})

it('is bounded, and takes only the unknown words out of the address', () => {
  const long = new URLSearchParams(Array.from({ length: 500 }, () => ['status', 'x'.repeat(900)]))
  const words = leftOut(long, LIST_WORDS)
  expect(words.length).toBeLessThanOrEqual(3)
  expect(words.every(({ sentence }) => sentence.length < 120)).toBe(true)
  const url = { pathname: '/incidents', search: '?status=open&status=nope&state=x' }
  const params = new URLSearchParams(url.search)
  expect(withParams(url, without(params, leftOut(params, LIST_WORDS)))).toBe(
    '/incidents?status=open',
  )
})
