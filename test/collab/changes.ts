/** What people do in the fuzzer: few names for many things, so that they get in each other's way. */
import type { Room } from '#/dashboard/src/lib/collab/client.ts'
import type { Random } from '#/kernel/random.ts'
import { CARD_KINDS, LINK_KINDS, STATUSES } from '#/schemas/collab/commands.ts'
import type { CommandKind } from '#/schemas/collab/commands.ts'

export interface Change {
  kind: CommandKind
  payload: object
  /** A revision that may be old. */
  rev?: number
}

const IDS = ['a', 'b', 'c', 'd'] as const
const PERSON = { id: 'user:ann', name: 'Ann' }

export function randomChange(random: Random, room: Room): Change {
  const id = random.pick(IDS)
  const to = random.pick(IDS)
  const text = `text ${random.int(1_000)}`
  const rev = random.int(room.confirmed.seq + 1)
  const makers: readonly (() => Change)[] = [
    () => ({ kind: 'join', payload: {} }),
    () => ({ kind: 'join', payload: {} }),
    () => ({ kind: 'leave', payload: {} }),
    () => ({ kind: 'status_change', payload: { status: random.pick(STATUSES) } }),
    () => ({ kind: 'status_change', payload: { status: random.pick(STATUSES) }, rev }),
    () => ({ kind: 'severity_lock', payload: { level: 1 + random.int(5) } }),
    () => ({ kind: 'severity_unlock', payload: {} }),
    () => ({ kind: 'assignment', payload: { assignee: random.pick([PERSON, null]) } }),
    () => ({ kind: 'role', payload: { role: 'commander', person: PERSON } }),
    () => ({ kind: 'rename', payload: { title: text } }),
    () => ({ kind: 'note', payload: { id: `${id}${random.int(30)}`, text } }),
    () => ({ kind: 'note_edit', payload: { id: `${id}${random.int(30)}`, text } }),
    () => ({ kind: 'action_item', payload: { id, text } }),
    () => ({ kind: 'action_item_done', payload: { id, done: random.unit() < 0.5 } }),
    () => ({ kind: 'pin', payload: { ref: `card:${id}` } }),
    () => ({ kind: 'unpin', payload: { ref: `card:${id}` } }),
    () => ({ kind: 'card_create', payload: { id, kind: random.pick(CARD_KINDS), title: text } }),
    () => ({ kind: 'card_create', payload: { id, kind: 'solution', title: text } }),
    () => ({ kind: 'card_edit', payload: { id, text } }),
    () => ({ kind: 'card_move', payload: { id, x: random.int(100), y: random.int(100) } }),
    () => ({ kind: 'card_confirm', payload: { id } }),
    () => ({ kind: 'card_invalidate', payload: { id, reason: text } }),
    () => ({ kind: 'card_revalidate', payload: { id } }),
    () => ({
      kind: 'link_add',
      payload: { id: `${id}${to}${random.int(5)}`, from: id, to, kind: random.pick(LINK_KINDS) },
    }),
    () => ({ kind: 'link_invalidate', payload: { id: `${id}${to}0`, reason: text } }),
    () => ({ kind: 'converge', payload: { id, chain: [to] } }),
    () => ({
      kind: 'suggestion_accept',
      payload: { suggestion: to, card: { id: `s${id}`, title: text } },
    }),
    () => ({ kind: 'suggestion_decline', payload: { suggestion: to } }),
    () => ({ kind: 'undo', payload: { seq: Math.max(1, rev) } }),
  ]
  return random.pick(makers)()
}
