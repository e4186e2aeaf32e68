import { describe, expect, it } from 'vitest'
import { apply, decide, emptyRoom } from '#lib/contract.ts'
import type { Actor, Command, RoomState } from '#lib/contract.ts'
import { lastOwnChange } from '#lib/collab/own-change.ts'

const ANN: Actor = { id: 'user:ann', name: 'Ann', role: 'responder' }
const BEN: Actor = { id: 'user:ben', name: 'Ben', role: 'responder' }

function after(state: RoomState, actor: Actor, kind: Command['kind'], payload: object): RoomState {
  const command = { cmdId: `t:${state.seq + 1}`, kind, payload, actor, at: state.at + 1 }
  const decision = decide(state, command as Command)
  if (!decision.ok) throw new Error(decision.rejection.reason)
  return apply(state, decision.event)
}

describe('[F11] what undo takes back', () => {
  it('is the last own change that stands, one after the other, and never an undo', () => {
    let state = after(emptyRoom('inc-1'), ANN, 'create', { title: 'x', severity: 2 })
    state = after(state, BEN, 'join', {})
    expect(lastOwnChange(state, ANN.id)).toBeNull()
    state = after(state, ANN, 'note', { id: 'n1', text: 'one' })
    const first = state.seq
    state = after(state, ANN, 'note', { id: 'n2', text: 'two' })
    const second = state.seq
    state = after(state, BEN, 'note', { id: 'n3', text: 'three' })
    expect(lastOwnChange(state, BEN.id)).toBe(state.seq)
    expect(lastOwnChange(state, ANN.id)).toBe(second)
    state = after(state, ANN, 'undo', { seq: second })
    expect(lastOwnChange(state, ANN.id)).toBe(first)
    state = after(state, ANN, 'undo', { seq: first })
    expect(lastOwnChange(state, ANN.id)).toBeNull()
  })
})
