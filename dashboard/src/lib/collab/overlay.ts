import { apply, decide, guardedField } from '#lib/contract.ts'
import type { Actor, Command, CommandKind, RoomState } from '#lib/contract.ts'

/** A change of this tab the server has not answered yet. */
export interface Pending {
  cmdId: string
  kind: CommandKind
  payload: Command['payload']
  expect?: { field: string; rev: number }
  base: number
  /** When the person did it, by this machine's clock. */
  at: number
}

export function commandOf(pending: Pending, actor: Actor): Command {
  const { cmdId, kind, payload, at, base, expect } = pending
  const command = { cmdId, kind, payload, actor, at, base }
  return expect === undefined ? command : { ...command, expect }
}

/** Status, severity, assignee and roles are never shown before they are decided; a chip says that they are asked for. */
export function isGuarded({ kind, payload }: Pick<Pending, 'kind' | 'payload'>): boolean {
  return guardedField(kind, payload) !== undefined
}

/** What the page shows: the confirmed room with this tab's pending changes on top, those that still make sense. */
export function withPending(
  confirmed: RoomState,
  pending: readonly Pending[],
  actor: Actor,
): RoomState {
  let state = confirmed
  for (const each of pending) {
    if (isGuarded(each)) continue
    const decision = decide(state, commandOf(each, actor))
    if (decision.ok) state = apply(state, decision.event)
  }
  return state
}
