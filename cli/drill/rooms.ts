import { createActionReader } from '#/api/collab/action-log.ts'
import { eventOf } from '#/api/collab/action-record.ts'
import type { Kit } from '#/cli/kit.ts'
import type { DrillRecord } from '#/processors/domain/drill/report.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import { TOPICS } from '#/schemas/topics.ts'

const ACTIONS = { topic: TOPICS.actions.name, partition: 0 }
const READ_BYTES = 1 << 20

/** Every room of a sandbox with all its events, read from its log. */
export async function readRooms(
  { log, schemaIds, registry }: Pick<Kit, 'log' | 'schemaIds' | 'registry'>,
  onProblem: (error: unknown) => void,
): Promise<DrillRecord['rooms']> {
  const read = createActionReader({ schemaIds, registry }, onProblem)
  const rooms = new Map<string, RoomEvent[]>()
  const end = await log.endOffset(ACTIONS)
  let from = await log.beginningOffset(ACTIONS)
  while (from < end) {
    const records = await readBelow(log, ACTIONS, { from, bytesMax: READ_BYTES })
    for (const { action } of await read(records)) {
      const event = action.result === '' ? eventOf(action) : undefined
      if (event === undefined) continue
      const events = rooms.get(action.incident_id) ?? []
      rooms.set(action.incident_id, events)
      events.push(event)
    }
    from = (records.at(-1)?.offset ?? end) + 1
  }
  return [...rooms].map(([id, events]) => ({ id, events }))
}
