import { describe, expect, it } from 'vitest'

import { linkSecret, safeNext } from '#lib/account/send.ts'

describe('where a sign-in leads', () => {
  it.each(['/', '/incidents/12?t=1h', '/explore?q=a%20b'])('[H1] to %s', (next) => {
    expect(safeNext(next)).toBe(next)
  })
  it.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '',
    '/a\\b',
    null,
  ])('[H1] never to %s', (next) => {
    expect(safeNext(next)).toBe('/')
  })
})

describe('a link', () => {
  it('[H1] carries a set-up token or an invitation behind #', () => {
    expect(linkSecret('#token=abc')).toEqual({ setup_token: 'abc' })
    expect(linkSecret('#invitation=fli_1_2')).toEqual({ invitation: 'fli_1_2' })
    for (const hash of ['', '#', '#token=', '#other=1']) expect(linkSecret(hash)).toBeNull()
  })
})
