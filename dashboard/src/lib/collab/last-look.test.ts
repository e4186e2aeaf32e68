import { expect, it } from 'vitest'
import type { RoomEvent } from '#lib/contract.ts'
import { listFrom } from '#lib/stored-list.ts'
import { isLook, lookAt, missedSince, withLook } from './last-look.ts'
import type { Looks } from './last-look.ts'

const looksFrom = (text: string | null): Looks => listFrom(text, isLook)

const event = (seq: number, by: string): RoomEvent =>
  ({ seq, actor: { id: by, name: by }, kind: 'note_add' }) as unknown as RoomEvent

it('[N12] exactly what others did after the last look, nothing of mine, nothing at a first visit', () => {
  const events = [event(1, 'ann'), event(2, 'ben'), event(3, 'ann'), event(4, 'engine')]
  expect(missedSince(events, 1, 'ann').map(({ seq }) => seq)).toEqual([2, 4])
  expect(missedSince(events, 4, 'ann')).toEqual([])
  expect(missedSince(events, null, 'ann')).toEqual([])
})

it('looks are remembered by incident, the latest last, two hundred of them; rubbish is none', () => {
  let looks = looksFrom('[["a",3],["b",1]]')
  looks = withLook(looks, 'a', 9)
  expect(looks).toEqual([
    ['b', 1],
    ['a', 9],
  ])
  expect([lookAt(looks, 'a'), lookAt(looks, 'c')]).toEqual([9, null])
  for (let count = 0; count < 300; count += 1) looks = withLook(looks, `i${count}`, count)
  expect(looks).toHaveLength(200)
  for (const rubbish of [null, '', '{}', '[1,["x"]]', 'not json'])
    expect(looksFrom(rubbish)).toEqual([])
})
