import { expect, it } from 'vitest'

import { ACTIONS, KeyMatcher } from '#lib/keys/actions.ts'
import { searchesFor } from '#lib/keys/searches.ts'
import { pressName, type KeyPress } from '#lib/keys/press.ts'

const press = (key: string, more: Partial<KeyPress> = {}): string =>
  pressName({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more })

it('[E12] no two actions share their keys, and no key begins a sequence and stands alone', () => {
  const keys = ACTIONS.map((action) => action.keys)
  expect(new Set(keys).size).toBe(keys.length)
  const begins = new Set(keys.filter((one) => one.includes(' ')).map((one) => one.split(' ')[0]))
  expect(keys.filter((one) => begins.has(one))).toEqual([])
})

it('[E12] what is typed may be an incident, or words of events, incidents and issues', () => {
  expect(searchesFor('')).toEqual([])
  expect(searchesFor('#12')[0]).toEqual({
    title: 'Go to incident #12',
    path: '/incidents/12',
    text: '',
  })
  expect(searchesFor('time out').map(({ path, text }) => `${path} ${text}`)).toEqual([
    '/explore time out',
    '/incidents time out',
    '/issues time out',
  ])
})

it('follows a sequence, but not for ever', () => {
  const matcher = new KeyMatcher()
  expect(matcher.press('g', 0)).toBeNull()
  expect(matcher.press('i', 500)?.title).toBe('Incidents')
  matcher.press('g', 1000)
  expect(matcher.press('i', 9000)).toBeNull()
  matcher.press('g', 10_000)
  expect(matcher.press('x', 10_100)).toBeNull()
  expect(matcher.press('j', 10_200)?.title).toBe('Next row')
})

it('names presses the same on every keyboard', () => {
  expect(press('?', { shiftKey: true })).toBe('?')
  expect(press('T', { shiftKey: true })).toBe('shift+t')
  expect(press('k', { metaKey: true })).toBe('mod+k')
  expect(press('k', { ctrlKey: true })).toBe('mod+k')
  expect(press('ArrowDown')).toBe('')
  expect(press('j', { altKey: true })).toBe('')
})
