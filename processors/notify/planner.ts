import type { DeliveryBook } from '#/processors/domain/notify/delivery-book.ts'
import { planStep, type PlannedDelivery } from '#/processors/domain/notify/plan.ts'
import { isNight, onCallAt } from '#/processors/domain/notify/rotation.ts'
import type { ConsumedRecord, ProducedBatch } from '#/processors/log/port.ts'
import type { WorkerContext } from '#/processors/runtime/stage.ts'
import { createRecordReader } from '#/processors/stages/record-reader.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { Delivery } from '#/schemas/records.ts'
import {
  laterStep,
  NOTIFY_FIELDS,
  plannedDelivery,
  type DeliveryDraft,
  type NotifyEvent,
} from './delivery-record.ts'
import type { NotifyDeps } from './stage.ts'

/** Deliveries of one target that are not over; past it new ones fail at once, in the history. */
const WAITING_MAX = 1_000

export interface Planner {
  /** What records of the lifecycle lead to, in their order. */
  plan(
    records: readonly ConsumedRecord[],
  ): Promise<{ deliveries: readonly Delivery[]; letters: readonly ProducedBatch[] }>
}

interface PlannerParts {
  book: DeliveryBook<Delivery>
  context: WorkerContext
  isTaken: (incidentId: string) => boolean
}

export function createPlanner(deps: NotifyDeps, parts: PlannerParts): Planner {
  return new LifecyclePlanner(deps, parts)
}

interface BatchSoFar {
  planned: ReadonlyMap<string, number>
  fresh: ReadonlyMap<string, Delivery>
}

class LifecyclePlanner implements Planner {
  readonly #deps: NotifyDeps
  readonly #parts: PlannerParts
  readonly #reader

  constructor(deps: NotifyDeps, parts: PlannerParts) {
    this.#deps = deps
    this.#parts = parts
    this.#reader = createRecordReader('IncidentEvent', deps.schemas, NOTIFY_FIELDS)
  }

  async plan(records: readonly ConsumedRecord[]) {
    await this.#reader.prepare(records)
    const deliveries: Delivery[] = []
    const letters: ProducedBatch[] = []
    const planned = new Map<string, number>()
    const fresh = new Map<string, Delivery>()
    for (const record of records) {
      const read = this.#reader.read(record.value)
      if (read.kind === 'poison') letters.push(this.#letterOf(record, read))
      else if (read.kind === 'record') {
        const incident = incidentIn(read.record.detail)
        if (incident === undefined) {
          const error = 'detail is not the JSON of an incident'
          letters.push(this.#letterOf(record, { code: 'invalid_event', error }))
          continue
        }
        const planning = this.#planEvent(read.record, { planned, fresh, incident })
        for (const delivery of planning) {
          const { target, status, reason, delivery_id: id } = delivery
          if (status === 'waiting') planned.set(target, (planned.get(target) ?? 0) + 1)
          if (status === 'waiting' && reason === 'unacknowledged') fresh.set(id, delivery)
          else fresh.delete(id)
        }
        deliveries.push(...planning)
      }
    }
    return { deliveries, letters }
  }

  #letterOf(record: ConsumedRecord, problem: { code: string; error: string }): ProducedBatch {
    const { deadLetters, metrics, input } = this.#parts.context
    const draft = { stage: 'notify', ...input, record, ...problem }
    metrics.add('faultline_dead_letters_total', 1, { stage: 'notify' })
    return {
      topic: deadLetters.topic,
      partition: deadLetters.partitionOf(draft),
      records: [deadLetters.encode(draft)],
    }
  }

  /** `planned` counts what this batch adds to the queue of each target, `fresh` are its escalations: not yet in the book. */
  #planEvent(
    event: NotifyEvent,
    { planned, fresh, incident }: BatchSoFar & { incident: Partial<Incident> },
  ): Delivery[] {
    const { book, context, isTaken } = this.#parts
    const nowMs = context.clock.nowMs()
    const { incident_id: incidentId, at, kind } = event
    const known = book.note(incidentId)
    // Too old to be news, unless it is about what was told.
    if (known === undefined && at < nowMs - this.#deps.ageMsMax) return []
    const { silenced } = incident
    // After an outage one batch has the opening and the end: nobody is woken for what is over.
    const escalations = [
      ...book.escalations(incidentId),
      ...[...fresh.values()].filter((one) => one.incident_id === incidentId),
    ]
    const step = {
      ...event,
      isSilenced: silenced !== undefined,
      isTaken: isTaken(incidentId) && kind !== 'reopened',
      waiting: escalations.map(({ target }) => target),
    }
    const plan = planStep(step, known, this.#deps.targets)
    book.setNote(incidentId, plan.note)
    const end = (delivery: Delivery, status: string, detail: string): Delivery =>
      laterStep(delivery, { at: nowMs, status, detail })
    const cancelled = plan.cancel === '' ? [] : escalations
    const told = { event, incident, nowMs }
    const suppressed = plan.suppressed.map((one) => this.#deliveryOf(one, told))
    const wanted = plan.deliveries.map((one) => {
      const delivery = this.#deliveryOf(one, told)
      const waiting = book.openFor(one.target.name) + (planned.get(one.target.name) ?? 0)
      if (waiting < WAITING_MAX) return delivery
      return end(delivery, 'failed', `${waiting} others wait for this target already`)
    })
    return [
      ...cancelled.map((one) => end(one, 'cancelled', plan.cancel)),
      ...suppressed.map((one) => end(one, 'suppressed', `silenced: ${silenced?.reason ?? ''}`)),
      ...wanted,
    ]
  }

  #deliveryOf(
    planned: PlannedDelivery,
    told: Pick<DeliveryDraft, 'event' | 'incident' | 'nowMs'>,
  ): Delivery {
    const { nowMs } = told
    const { rotation, urlOf } = this.#deps
    const watch =
      rotation === undefined
        ? { onCall: '', isNight: false }
        : { onCall: onCallAt(rotation, nowMs).person, isNight: isNight(rotation, nowMs) }
    return plannedDelivery({ ...told, ...planned, urlOf, ...watch })
  }
}

function incidentIn(detail: string): Partial<Incident> | undefined {
  try {
    const parsed: unknown = JSON.parse(detail)
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    return undefined
  }
}
