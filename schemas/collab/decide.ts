import { hasRole } from '#/schemas/principal.ts'
import { checkPayload, comparedField, guardedField, SYSTEM_COMMANDS } from './commands.ts'
import type { AnyKind, PayloadOf } from './commands.ts'
import { isUndoable, writesOf } from './effects.ts'
import type { Json, JsonObject } from './json.ts'
import { RULES } from './rules.ts'
import type { Refusal } from './rules.ts'
import { entityAt, fieldAt } from './state.ts'
import type { Command, PersonRef, Rejection, RoomEvent, RoomState } from './state.ts'

export type Decision = { ok: true; event: RoomEvent } | { ok: false; rejection: Rejection }

/**
 * The one place where a change is accepted or refused: the sequencer asks it for good, the browser to show at once
 * what will probably be. Pure; the moment comes with the command.
 */
export function decide(state: RoomState, command: Command): Decision {
  const refusal = refusalOf(state, command)
  if (refusal !== undefined) return { ok: false, rejection: { cmdId: command.cmdId, ...refusal } }
  const { cmdId, kind, actor, base } = command
  const seq = state.seq + 1
  const ts = Math.max(command.at, state.at + 1)
  const by = { id: actor.id, name: actor.name }
  const payload = kind === 'undo' ? withRestore(state, command.payload) : command.payload
  const prev = before(state, { kind, payload, actor: by, seq, ts })
  const event = { seq, cmdId, actor: by, ts, kind, payload, prev }
  return { ok: true, event: base === undefined ? event : { ...event, base } }
}

function refusalOf(state: RoomState, command: Command): Refusal | undefined {
  const { kind, actor, payload } = command
  const isSystem = Object.hasOwn(SYSTEM_COMMANDS, kind)
  if (isSystem !== (actor.role === 'system'))
    return { code: 'forbidden', reason: `${kind} is not for ${actor.role}.` }
  const checked = checkPayload(kind, payload)
  if (!checked.ok) return { code: 'invalid', reason: checked.reason, path: checked.path }
  if (isSystem) return ruleOf(kind, state, command)
  if (actor.role === 'system' || !hasRole({ role: actor.role }, 'responder'))
    return { code: 'forbidden', reason: 'A viewer reads; changing an incident takes a responder.' }
  return (
    presenceRefusal(state, command) ?? expectRefusal(state, command) ?? ruleOf(kind, state, command)
  )
}

function ruleOf(kind: AnyKind, state: RoomState, command: Command): Refusal | undefined {
  const rule = RULES[kind] as
    | ((payload: unknown, state: RoomState, command: Command) => Refusal | undefined)
    | undefined
  return rule?.(command.payload, state, command)
}

function presenceRefusal(state: RoomState, { kind, actor }: Command): Refusal | undefined {
  if (kind === 'create') return undefined
  if (state.seq === 0) return { code: 'missing', reason: 'There is no such incident.' }
  const gone = state.root['redirectTo']
  if (gone !== undefined)
    return {
      code: 'transition',
      reason: 'This incident was merged into another one.',
      current: { redirectTo: gone.value },
    }
  const isJoined = entityAt(state, 'people', actor.id)?.['joined']?.value === true
  if (kind === 'join')
    return isJoined ? { code: 'transition', reason: 'You have joined already.' } : undefined
  if (!isJoined) return { code: 'not_joined', reason: 'Join the incident to change it.' }
  return undefined
}

function expectRefusal(state: RoomState, command: Command): Refusal | undefined {
  const { kind, payload, expect } = command
  // Of a title the later stands, unless its author asked for more.
  const wanted = comparedField(kind, payload, expect !== undefined)
  if (wanted === undefined) return undefined
  if (expect === undefined || expect.field !== wanted)
    return {
      code: 'invalid',
      reason: `${kind} must say which revision of ${wanted} it replaces.`,
      path: 'expect',
    }
  const known = state.root[wanted]
  if (expect.rev === (known?.rev ?? 0)) return undefined
  return {
    code: 'conflict',
    reason: `${known?.by.name ?? 'Somebody'} changed ${wanted} first.`,
    current: { value: known?.value ?? null, rev: known?.rev ?? 0 },
    ...(known === undefined ? {} : { by: known.by }),
  }
}

/** The event says what it puts back, so that applying it needs no memory of what was undone. */
function withRestore(state: RoomState, payload: JsonObject): JsonObject {
  const { seq } = payload as PayloadOf<'undo'>
  const entry = state.recent.find((known) => known.seq === seq)
  return { seq, restore: entry?.writes ?? [] }
}

type Prev = RoomEvent['prev']

function before(state: RoomState, effect: Parameters<typeof writesOf>[1]): Prev {
  if (!isUndoable(effect.kind) && guardedField(effect.kind, effect.payload) === undefined) return {}
  const prev: Record<string, { value: Json; rev: number; by: PersonRef }> = {}
  for (const [path] of writesOf(state, effect)) {
    const known = fieldAt(state, path)
    if (known !== undefined) prev[path] = { value: known.value, rev: known.rev, by: known.by }
  }
  return prev
}
