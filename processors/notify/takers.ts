import { boundedSet } from '#/kernel/bounded-map.ts'
import type { WorkerContext } from '#/processors/runtime/stage.ts'
import { createRecordReader, type SchemaSource } from '#/processors/stages/record-reader.ts'
import type { Action } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'

/** Incidents somebody took on by joining them or being assigned, beside those whose status says so. */
export interface Takers {
  /** From what was done in the last day on. */
  open(): Promise<void>
  /** Reads what came since. */
  read(): Promise<void>
  has(incidentId: string): boolean
  /** Those taken on since this was last asked. */
  take(): readonly string[]
}

const ACTIONS = { topic: TOPICS.actions.name, partition: 0 }
const READ_BYTES = 1 << 20
const MEMORY_MS = 86_400_000
const TAKEN_MAX = 10_000

export function createTakers(schemas: SchemaSource, { log, clock }: WorkerContext): Takers {
  const reader = createRecordReader('Action', schemas, ['incident_id', 'kind', 'payload', 'result'])
  const taken = new Map<string, true>()
  let fresh: string[] = []
  let position = 0

  const notice = ({
    incident_id,
    kind,
    payload,
    result,
  }: Pick<Action, 'incident_id' | 'kind' | 'payload' | 'result'>) => {
    // Who was refused has taken nothing on.
    if (incident_id === '' || result !== '' || !takesOn(kind, payload)) return
    boundedSet(taken, { key: incident_id, value: true, max: TAKEN_MAX })
    fresh.push(incident_id)
  }

  const read = async (): Promise<void> => {
    for (;;) {
      const records = await log.read(ACTIONS, position, { bytesMax: READ_BYTES, waitMs: 0 })
      const last = records.at(-1)
      if (last === undefined) return
      await reader.prepare(records)
      for (const { value } of records) {
        const one = reader.read(value)
        if (one.kind === 'record') notice(one.record)
      }
      position = last.offset + 1
    }
  }

  return {
    async open() {
      position = await log.offsetForTimestamp(ACTIONS, clock.nowMs() - MEMORY_MS)
      await read()
    },
    read,
    has: (incidentId) => taken.has(incidentId),
    take() {
      const all = fresh
      fresh = []
      return all
    },
  }
}

function takesOn(kind: string, payload: string): boolean {
  if (kind === 'join') return true
  if (kind !== 'assignment') return false
  try {
    const { assignee } = JSON.parse(payload) as { assignee?: unknown }
    return assignee !== null && assignee !== undefined
  } catch {
    // Whoever wrote that, it names nobody.
    return false
  }
}
