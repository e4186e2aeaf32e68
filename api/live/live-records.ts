import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'
import { schemaIdOf } from '#/schemas/codec.ts'
import type { GroupedEvent, IncidentEvent, Insight } from '#/schemas/records.ts'
import { createRecordReader } from '#/api/record-reader.ts'
import type { RecordReader } from '#/api/record-reader.ts'
import { createPrefixReader } from './event-prefix.ts'
import type { EventPrefix } from './event-prefix.ts'
import type { FrameViews } from './frame-draft.ts'
import { deployView, eventView } from './messages.ts'

/** Reads the records of live streams, whichever version of the schemas wrote them. */
export interface LiveRecords {
  events: RecordReader<GroupedEvent>
  incidents: RecordReader<IncidentEvent>
  insights: RecordReader<Insight>
  prefix(value: Buffer): EventPrefix
  /** Resolves at once unless a record was written with a schema not seen before. */
  prepareEvents(values: readonly (Buffer | null)[]): Promise<void> | undefined
  /** What a record says; undefined for a tick of the clock (they share topics with everything) and for no value. */
  contentOf(value: Buffer | null): Buffer | undefined
  views: FrameViews
}

export function createLiveRecords(options: {
  schemaIds: SchemaIds
  registry: SchemaRegistry
}): LiveRecords {
  const events = createRecordReader('GroupedEvent', options)
  const readPrefix = createPrefixReader()
  const { GroupedEvent: own, Tick: tick } = options.schemaIds
  const contentOf = (value: Buffer | null): Buffer | undefined =>
    value === null || schemaIdOf(value) === tick ? undefined : value
  return {
    events,
    incidents: createRecordReader('IncidentEvent', options),
    insights: createRecordReader('Insight', options),
    prefix(value) {
      if (schemaIdOf(value) === own) return readPrefix(value)
      const event = events.read(value)
      const { project, service, severity } = event
      const isDeploy = event.event_type === 'deploy'
      return { project, service, severity, isDeploy, occurredAt: event.occurred_at }
    },
    prepareEvents(values) {
      const foreign = values
        .map((value) => contentOf(value))
        .filter((value) => value !== undefined && schemaIdOf(value) !== own)
      return foreign.length === 0 ? undefined : events.prepare(foreign as Buffer[])
    },
    contentOf,
    views: {
      event: (record) => eventView(events.read(record)),
      deploy: (record) => deployView(events.read(record)),
    },
  }
}
