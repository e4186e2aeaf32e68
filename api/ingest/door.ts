import type { AppDeps } from '#/api/deps.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { uuidV7 } from '#/kernel/random.ts'
import type { ProducedBatch, ProducedRecord } from '#/processors/log/port.ts'
import { encode } from '#/schemas/codec.ts'
import { LIMITS, canonicalize } from '#/schemas/event-input.ts'
import type { EventFailure, InputContext } from '#/schemas/event-input.ts'
import type { Event } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { tooMany } from './body.ts'
import type { ParsedBody } from './body.ts'
import { createKeyPlaces } from './partitions.ts'
import type { KeyPlace } from './partitions.ts'
import { createPressure } from './pressure.ts'
import type { Pressure } from './pressure.ts'

interface Rejection {
  index: number
  code: string
  path: string
  message: string
  remedy: string
}

export interface Accepted {
  count: number
  rejected: Rejection[]
  /** The last accepted event, for the answer to a single one. */
  last: Event | undefined
  receivedAtMs: number
}

export interface AcceptOptions {
  project: string
  typeOptional?: boolean
  /** Where one record of a sender may become several events; else the bound on events of a body. */
  itemsMax?: number
}

export interface Door {
  readonly pressure: Pressure
  /**
   * Makes events of the body and appends them: durable when it resolves. Items that are refused do not hold up the
   * others. Fails with the codes of `Log.append`, and then nothing of the body was taken.
   */
  accept(body: ParsedBody, options: AcceptOptions): Promise<Accepted>
}

/** Why a body may not be taken that can be read. */
export const DOOR_PROBLEMS = ['rate_limited', 'overloaded', 'log_unavailable', 'disk_full'] as const

export type DoorDeps = Pick<
  AppDeps,
  'clock' | 'log' | 'metrics' | 'schemaIds' | 'config' | 'pipeline'
>

export function createDoor(deps: DoorDeps): Door {
  const { clock, log, metrics, schemaIds, config } = deps
  const pressure = createPressure({ clock, pipeline: deps.pipeline, ...config })
  let placeOf: ((project: string, service: string) => KeyPlace) | undefined

  async function partitions(): Promise<(project: string, service: string) => KeyPlace> {
    const topics = await log.topics()
    const raw = topics.find((topic) => topic.name === TOPICS.raw.name)
    if (raw === undefined)
      throw new FaultlineError('unknown_topic', `There is no topic ${TOPICS.raw.name}.`)
    return (placeOf = createKeyPlaces(raw.partitions))
  }

  return {
    pressure,
    async accept(body, options) {
      if (body.items.length > (options.itemsMax ?? LIMITS.batchEventsMax)) throw tooMany()
      const place = placeOf ?? (await partitions())
      const context = contextOf(clock.nowMs(), options)
      const accepted: Accepted = {
        count: 0,
        rejected: [],
        last: undefined,
        receivedAtMs: context.nowMs,
      }
      const sorter = createSorter(place, schemaIds.Event)
      for (const [index, item] of body.items.entries()) {
        const broken = body.broken.get(index)
        if (broken !== undefined) {
          accepted.rejected.push(rejectionOf(index, broken))
          continue
        }
        const result = canonicalize(item, context)
        if (!result.ok) {
          accepted.rejected.push(rejectionOf(index, result))
          continue
        }
        sorter.add(result.event)
        accepted.last = result.event
        accepted.count += 1
      }
      metrics.add('faultline_ingest_events_total', accepted.rejected.length, REJECTED)
      if (accepted.count === 0) return accepted
      await append(sorter)
      metrics.add('faultline_ingest_events_total', accepted.count, ACCEPTED)
      return accepted
    },
  }

  async function append(sorter: Sorter): Promise<void> {
    pressure.begin(sorter.bytes)
    try {
      await log.append(sorter.batches)
    } finally {
      pressure.done(sorter.bytes)
    }
  }
}

const ACCEPTED = { result: 'accepted' } as const
const REJECTED = { result: 'rejected' } as const

function contextOf(
  nowMs: number,
  options: { project: string; typeOptional?: boolean },
): InputContext {
  return { ...options, nowMs, makeId: () => uuidV7(nowMs) }
}

interface Sorter {
  batches: ProducedBatch[]
  bytes: number
  add(event: Event): void
}

/** Encodes events and lays them out by partition, in the order they came. */
function createSorter(
  placeOf: (project: string, service: string) => KeyPlace,
  schemaId: number,
): Sorter {
  const records: (ProducedRecord[] | undefined)[] = []
  const sorter: Sorter = {
    batches: [],
    bytes: 0,
    add(event) {
      const { key, partition } = placeOf(event.project, event.service)
      const value = encode('Event', schemaId, event)
      sorter.bytes += value.length
      let mine = records[partition]
      if (mine === undefined) {
        records[partition] = mine = []
        sorter.batches.push({ topic: TOPICS.raw.name, partition, records: mine })
      }
      mine.push({ key, value, timestampMs: event.received_at })
    },
  }
  return sorter
}

function rejectionOf(index: number, failure: FaultlineError | EventFailure): Rejection {
  const { code, path = '', message, remedy = '' } = failure
  return { index, code, path, message, remedy }
}

/** The failure of a body that is one event, as the failure of the request. */
export function failureOf(body: ParsedBody, accepted: Accepted): FaultlineError | undefined {
  const rejection = accepted.rejected[0]
  if (body.isBatch || rejection === undefined) return undefined
  return body.broken.get(0) ?? errorOf(rejection)
}

/** Fails with `invalid_event`, as the first of them was refused, where nothing of several was taken. */
export function refuseIfNothing({ count, rejected }: Accepted): void {
  const [first] = rejected
  if (count === 0 && first !== undefined) throw errorOf(first)
}

function errorOf({ path, message, remedy }: Rejection): FaultlineError {
  return new FaultlineError('invalid_event', message, { path, remedy })
}
