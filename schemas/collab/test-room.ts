/** Makes rooms for tests: commands in, events or rejections out, nothing in between. */
import { apply } from './apply.ts'
import type { AnyKind } from './commands.ts'
import { decide } from './decide.ts'
import type { JsonObject } from './json.ts'
import { emptyRoom } from './state.ts'
import type { Actor, Command, Rejection, RoomEvent, RoomState } from './state.ts'

export const ANN: Actor = { id: 'user:ann', name: 'Ann', role: 'responder' }
export const BEN: Actor = { id: 'user:ben', name: 'Ben', role: 'admin' }
export const EVE: Actor = { id: 'user:eve', name: 'Eve', role: 'viewer' }
export const SYSTEM: Actor = { id: 'engine', name: 'Faultline', role: 'system' }

export const STEP = {
  step: { seq: 1, kind: 'opened', at: 1_000, sentence: 'It began.' },
  status: 'open',
  level: 3,
  title: 'checkout: DB_TIMEOUT',
  number: 12,
  services: ['checkout'],
  redirectTo: '',
  recordedAt: 1_500,
} as const

export class TestRoom {
  state: RoomState = emptyRoom('inc-1')
  readonly events: RoomEvent[] = []
  readonly states: RoomState[] = [this.state]
  nowMs = 10_000
  #count = 0

  /** A room the engine opened, in which Ann and Ben have joined. */
  static opened(): TestRoom {
    const room = new TestRoom()
    room.must(SYSTEM, 'engine', STEP)
    room.must(ANN, 'join', {})
    room.must(BEN, 'join', {})
    return room
  }

  command(actor: Actor, kind: AnyKind, payload: object, more: Partial<Command> = {}): Command {
    const cmdId = `c:${(this.#count += 1)}`
    return { cmdId, kind, payload: payload as JsonObject, actor, at: this.nowMs, ...more }
  }

  send(
    actor: Actor,
    kind: AnyKind,
    payload: object,
    more: Partial<Command> = {},
  ): RoomEvent | Rejection {
    const decision = decide(this.state, this.command(actor, kind, payload, more))
    if (!decision.ok) return decision.rejection
    this.state = apply(this.state, decision.event)
    this.events.push(decision.event)
    this.states.push(this.state)
    return decision.event
  }

  must(actor: Actor, kind: AnyKind, payload: object, more: Partial<Command> = {}): RoomEvent {
    const answer = this.send(actor, kind, payload, more)
    if ('code' in answer) throw new Error(`${kind}: ${answer.code}: ${answer.reason}`)
    return answer
  }

  /** `expect` for a field as it is now. */
  seen(field: string): { expect: { field: string; rev: number } } {
    return { expect: { field, rev: this.state.root[field]?.rev ?? 0 } }
  }
}

export const card = (id: string, kind = 'hypothesis') => ({ id, kind, title: `Card ${id}` })

export function withCards(): TestRoom {
  const room = TestRoom.opened()
  room.must(ANN, 'card_create', card('s1', 'symptom'))
  room.must(ANN, 'card_create', card('h1'))
  room.must(BEN, 'card_create', card('a1', 'action'))
  room.must(BEN, 'card_create', card('f1', 'solution'))
  return room
}
