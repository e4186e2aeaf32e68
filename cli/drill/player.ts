import type { Clock } from '#/kernel/clock.ts'
import type { DrillClock } from '#/processors/domain/drill/retime.ts'
import type { Log, ProducedBatch, ProducedRecord, TopicPartition } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import type { Event } from '#/schemas/records.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import { telemetryKey, TOPICS } from '#/schemas/topics.ts'
import { PAST, TAPE } from './tape.ts'

export interface PlayerDeps {
  /** Of the sandbox: tape and events lie in the same one. */
  log: Log
  clock: Clock
  schemaIds: Pick<SchemaIds, 'Event' | 'Tick'>
  time: DrillClock
  startedMs: number
}

export interface Player {
  /** Events of the tape that were played. */
  position: () => number
  /** Puts the past into the log, with a tick for each second as if it had been lived through. */
  fill(): Promise<void>
  /** Plays to the end of the tape, or until the signal. */
  play(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

const GROUP = 'drill'
const READ_BYTES = 256 * 1024
const TICK_MS = 1_000
/** Of one append while it plays. */
const PLAY_MAX = 500

interface Due {
  offset: number
  dueMs: number
  record: ProducedRecord
}

/**
 * Plays the tape of a sandbox into its log. Events and the place on the tape are written in one step of the log, so
 * a drill that goes on after a restart neither leaves out an event nor plays one twice.
 */
export async function openPlayer(deps: PlayerDeps): Promise<Player> {
  const { log, clock, time, schemaIds } = deps
  const membership = await log.join({
    group: GROUP,
    topics: [PAST.topic, TAPE.topic],
    onAssigned: async () => undefined,
    onRevoked: async () => undefined,
  })
  let position = (await log.committed(GROUP, TAPE))?.offset ?? 0
  const end = await log.endOffset(TAPE)
  const decoder = createDecoder('Event')
  const dueFrom = async (from: number): Promise<Due[]> => {
    if (from >= end) return []
    const records = await readBelow(log, TAPE, { from, bytesMax: READ_BYTES })
    return records.map(({ offset, value }) => {
      const event = time.event(decoder.decode(value ?? Buffer.alloc(0)))
      return { offset, dueMs: event.received_at, record: recordOf(event, schemaIds.Event) }
    })
  }
  const write = async (
    { topic, partition }: TopicPartition,
    offset: number,
    outputs: readonly ProducedBatch[],
  ): Promise<void> =>
    log.commit({ membership, outputs, offsets: [{ topic, partition, offset, metadata: '' }] })
  return {
    position: () => position,
    fill: () => fill(deps, write),
    async play(signal) {
      for (;;) {
        const waiting = await dueFrom(position)
        if (waiting.length === 0 || signal.aborted) return
        while (waiting.length > 0 && !signal.aborted) {
          const nowMs = clock.nowMs()
          const count = waiting.findIndex(({ dueMs }) => dueMs > nowMs)
          const due = waiting.splice(0, Math.min(count < 0 ? waiting.length : count, PLAY_MAX))
          const last = due.at(-1)
          if (last === undefined)
            await clock.sleep(Math.min(TICK_MS, (waiting[0]?.dueMs ?? nowMs) - nowMs), signal)
          else {
            await write(TAPE, last.offset + 1, [eventBatch(due.map(({ record }) => record))])
            position = last.offset + 1
          }
        }
      }
    },
    close: () => membership.leave(),
  }
}

type Write = (tp: TopicPartition, next: number, outputs: readonly ProducedBatch[]) => Promise<void>

/** In the order in which it came, with a tick wherever a second has passed. */
async function fill({ log, time, schemaIds }: PlayerDeps, write: Write): Promise<void> {
  const decoder = createDecoder('Event')
  const end = await log.endOffset(PAST)
  let position = (await log.committed(GROUP, PAST))?.offset ?? 0
  let tick: number | undefined
  while (position < end) {
    const records = await readBelow(log, PAST, { from: position, bytesMax: READ_BYTES })
    const raw: ProducedRecord[] = []
    const ticks: ProducedRecord[] = []
    for (const { value } of records) {
      const event = time.pastEvent(decoder.decode(value ?? Buffer.alloc(0)))
      const second = Math.floor(event.received_at / TICK_MS)
      tick ??= second
      for (; tick < second; tick += 1) {
        const ticked = tickOf(tick + 1, schemaIds.Tick)
        raw.push(ticked)
        ticks.push(ticked)
      }
      raw.push(recordOf(event, schemaIds.Event))
    }
    position = (records.at(-1)?.offset ?? end) + 1
    const clockBatch = { topic: TOPICS.clock.name, partition: 0, records: ticks }
    await write(PAST, position, [eventBatch(raw), ...(ticks.length > 0 ? [clockBatch] : [])])
  }
}

function eventBatch(records: readonly ProducedRecord[]): ProducedBatch {
  return { topic: TOPICS.raw.name, partition: 0, records }
}

function tickOf(number: number, schemaId: number): ProducedRecord {
  const at = number * TICK_MS
  return { key: null, value: encode('Tick', schemaId, { number, at }), timestampMs: at }
}

function recordOf(event: Event, schemaId: number): ProducedRecord {
  const key = Buffer.from(telemetryKey(event.project, event.service), 'utf8')
  const value = encode('Event', schemaId, event)
  return { key, value, timestampMs: event.received_at }
}
