import { describe, expect, it } from 'vitest'
import { LIMITS } from './commands.ts'
import { foldTo } from './history.ts'
import { hashRoom } from './state.ts'
import { ANN, card, TestRoom, withCards } from './test-room.ts'
import { viewOf } from './views.ts'

describe('what comes from outside', () => {
  it.each([
    ['note', { id: 'n', text: 'x', chat: 'hi' }, 'payload.chat'],
    ['note', { id: 'n', text: 'x'.repeat(LIMITS.textChars + 1) }, 'payload.text'],
    ['note', { id: '../n', text: 'x' }, 'payload.id'],
    ['card_move', { id: 'h1', x: Number.NaN, y: 0 }, 'payload.x'],
    [
      'card_create',
      { id: 'c', kind: 'symptom', title: 'x', source: { kind: 7 } },
      'payload.source.kind',
    ],
    ['assignment', { assignee: { id: 'x' } }, 'payload.assignee.name'],
    ['split_issues', { keys: ['a', ''] }, 'payload.keys[1]'],
    ['pin', { ref: 'toString:x' }, 'payload.ref'],
  ] as const)('[CP25] %s %j is refused at its place', (kind, payload, path) => {
    const room = withCards()
    const more = kind === 'assignment' ? room.seen('assignee') : {}
    expect(room.send(ANN, kind, payload, more)).toMatchObject({ code: 'invalid', path })
  })

  it('[CP25] markup is text, and names of every object’s parts are names', () => {
    const room = TestRoom.opened()
    const text = '<img src=x onerror=alert(1)>'
    for (const id of ['__proto__', 'constructor', 'toString']) {
      room.must(ANN, 'card_create', { ...card(id), text })
      room.must(ANN, 'card_edit', { id, title: 'again' })
    }
    expect(viewOf(room.state).cards).toHaveLength(3)
    expect(viewOf(room.state).cards[0]).toMatchObject({ id: '__proto__', text, title: 'again' })
    expect(({} as { title?: unknown }).title).toBeUndefined()
    const copy = foldTo('inc-1', JSON.parse(JSON.stringify(room.events)) as never)
    expect(hashRoom(copy)).toBe(hashRoom(room.state))
  })

  it('[CP26] a full room says so', () => {
    const room = TestRoom.opened()
    for (let count = 0; count < LIMITS.items; count += 1)
      room.must(ANN, 'action_item', { id: `i${count}`, text: 'x' })
    expect(room.send(ANN, 'action_item', { id: 'more', text: 'x' })).toMatchObject({
      code: 'invalid',
      reason: expect.stringContaining('500 items') as string,
    })
  })
})
