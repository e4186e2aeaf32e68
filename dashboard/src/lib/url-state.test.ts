import fc from 'fast-check'
import { expect, it } from 'vitest'

import { readChoice, readList, toggled, withParams } from '#lib/url-state.ts'

it('sets, replaces and takes away, and leaves the rest', () => {
  const url = { pathname: '/incidents', search: '?status=open&t=3h' }
  expect(withParams(url, { status: null, q: 'time out' })).toBe('/incidents?q=time+out&t=3h')
  expect(withParams(url, { status: ['open', 'resolved'], t: '' })).toBe(
    '/incidents?status=open&status=resolved',
  )
  expect(withParams(url, { status: [], t: null })).toBe('/incidents')
})

it('gives back any values that were put in', () => {
  const value = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text.trim() === text)
  fc.assert(
    fc.property(fc.uniqueArray(value, { maxLength: 6 }), (values) => {
      const href = withParams({ pathname: '/x', search: '' }, { service: values })
      expect(readList(new URL(href, 'http://h').searchParams, 'service')).toEqual(
        values.map((text) => text.toWellFormed()),
      )
    }),
  )
})

it('switches one value of a filter on and off', () => {
  expect(toggled(['a'], 'b')).toEqual(['a', 'b'])
  expect(toggled(['a', 'b'], 'a')).toEqual(['b'])
})

it('takes only words it knows', () => {
  expect(readChoice(new URLSearchParams('sort=users'), 'sort', ['events', 'users'])).toBe('users')
  expect(readChoice(new URLSearchParams('sort=drop'), 'sort', ['events', 'users'])).toBe('events')
})
