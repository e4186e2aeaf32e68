import type { TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { createSinkTable, SINK_TABLES } from '#/clickhouse/sink-table.ts'
import { encode, extendEvent, UNGROUPED } from '#/schemas/codec.ts'
import type { Event } from '#/schemas/records.ts'
import { eventOf } from '#/test/sim/fixture.ts'

/** Puts events where the sink would, one batch after the other. */
export function createEventStore({ clickhouse }: Pick<TestEngine, 'clickhouse'>) {
  const table = createSinkTable(clickhouse, SINK_TABLES.events)
  let offset = 0
  return {
    async add(events: readonly Partial<Event>[]): Promise<void> {
      if (events.length === 0) return
      const from = offset
      const records = events.map((event) => {
        offset += 1
        const whole = eventOf({ event_id: `e${offset}`, ...event })
        return { offset, value: extendEvent(encode('Event', 1, whole), UNGROUPED, 2) }
      })
      const place = { topic: 'signals.fingerprinted.v1', partition: 0, epoch: 1 }
      await table.insert({ ...place, token: `t${from}`, records })
    },
  }
}
