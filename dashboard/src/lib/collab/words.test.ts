import { describe, expect, it } from 'vitest'

import { csrfToken, loginPath } from '#lib/collab/ticket.ts'
import {
  eventSentence,
  focusWords,
  initials,
  noticeSentence,
  titlesOf,
  toneOf,
} from '#lib/collab/words.ts'
import { COMMAND_KINDS, emptyRoom, viewOf } from '#lib/contract.ts'

const view = { ...viewOf(emptyRoom('inc-1')), cards: [] }
const by = { id: 'user:ann', name: 'Ann' }

describe('words of a room', () => {
  it('[G13] every kind of change has a sentence of its own that names its author', () => {
    const sentences = COMMAND_KINDS.map((kind) => {
      const payload = {
        id: 'x',
        text: 't',
        title: 't',
        reason: 'r',
        person: by,
        assignee: by,
        done: true,
      }
      return eventSentence({ actor: by, kind, payload }, titlesOf(view))
    })
    for (const sentence of sentences) expect(sentence).toMatch(/^Ann [a-z]+/)
    expect(
      sentences.filter((sentence, index) => sentence === `Ann ${COMMAND_KINDS[index]}`),
    ).toEqual([])
  })

  it('[G5] [G6] a rejection says what was wanted, why not and who was first; a lost text says by whom', () => {
    const command = {
      cmdId: 't:1',
      kind: 'status_change',
      payload: { status: 'resolved' },
      base: 1,
      at: 1,
    } as const
    const rejection = {
      cmdId: 't:1',
      code: 'conflict',
      reason: 'status is open at 7.',
      by: { id: 'b', name: 'Ben' },
    } as const
    expect(noticeSentence({ kind: 'rejected', command, rejection }, view)).toBe(
      'Not done (you set the status to resolved): status is open at 7. Ben was there first.',
    )
    expect(
      noticeSentence(
        { kind: 'overwritten', path: 'cards/h1/text', by: { id: 'b', name: 'Ben' }, seq: 9 },
        view,
      ),
    ).toBe('Ben wrote over the text of “a card”.')
  })

  it('[G2] [G3] says where somebody is, that they only read, and in how many tabs', () => {
    const here = { ...by, role: 'viewer', focus: { section: 'note' }, tabs: 2 } as const
    expect(focusWords(here, view)).toBe('writes a note · reads only · 2 tabs')
    expect(focusWords({ ...here, role: 'admin', focus: null, tabs: 1 }, view)).toBe('is here')
  })

  it('letters and tones of people are stable and never empty', () => {
    expect(['Ann Lee', 'ben@corp.example', 'Zoë', '  ', '李'].map(initials)).toEqual([
      'AL',
      'BE',
      'ZO',
      '?',
      '李',
    ])
    for (const id of ['user:1', 'user:2', '']) {
      expect(toneOf(id)).toBe(toneOf(id))
      expect(toneOf(id)).toBeLessThan(6)
    }
  })

  it('finds the token among other cookies; the way to sign in leads back', () => {
    expect(csrfToken('theme=dark; fl_csrf=abc; x=y')).toBe('abc')
    expect(csrfToken('theme=dark')).toBe('')
    expect(loginPath('/incidents/a b')).toBe('/login?next=%2Fincidents%2Fa+b')
  })
})
