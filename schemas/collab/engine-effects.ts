import type { PayloadOf } from './commands.ts'
import { canonicalJson } from './json.ts'
import type { Json } from './json.ts'
import type { RoomState, Write } from './state.ts'

/**
 * How long a decision of a person may be on its way to the engine. Steps the engine recorded before that are older
 * than the decision and do not undo it; later ones count, so that a decision the engine never met cannot deafen a room.
 */
export const SETTLE_MS = 10_000

/** What a step of the engine changes in the room. Only what is different is written: revisions mean something. */
export function engineWrites(payload: PayloadOf<'engine'>, state: RoomState): Write[] {
  const writes: Write[] = []
  const put = (path: string, value: Json): void => {
    const known = state.root[path]
    if (known === undefined || canonicalJson(known.value) !== canonicalJson(value))
      writes.push([path, value])
  }
  const { step, level, title, number, services, redirectTo } = payload
  put('engineSeq', step.seq)
  put('engineTitle', title)
  put('number', number)
  put('services', services)
  put('computedLevel', level)
  if (redirectTo !== '') put('redirectTo', redirectTo)
  if (state.root['openedAt'] === undefined) put('openedAt', step.at)
  if (!isLocked(state)) put('severity', { level, locked: false })
  for (const [path, value] of statusWrites(payload, state)) put(path, value)
  return writes
}

/** Steps that say what the status is now. Others carry it along, and may be older than what people decided. */
const STATUS_STEPS = new Set(['opened', 'resolved', 'reopened', 'status', 'redirect'])

function statusWrites(payload: PayloadOf<'engine'>, state: RoomState): Write[] {
  const { step, status, recordedAt } = payload
  const known = state.root['status']
  if (known === undefined) return [['status', status]]
  if (!STATUS_STEPS.has(step.kind)) return []
  const unsettled = state.root['unsettled']?.value ?? 0
  const isSame = known.value === status
  // What a person decided comes back with the person's name; the room has it already.
  if (isSame) return unsettled === 0 ? [] : [['unsettled', 0]]
  if (step.actor !== undefined) return []
  if (unsettled !== 0 && recordedAt < known.at + SETTLE_MS) return []
  return unsettled === 0
    ? [['status', status]]
    : [
        ['status', status],
        ['unsettled', 0],
      ]
}

function isLocked(state: RoomState): boolean {
  return (state.root['severity']?.value as { locked?: boolean } | undefined)?.locked === true
}
