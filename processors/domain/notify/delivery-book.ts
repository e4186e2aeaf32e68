import { boundedSet } from '#/kernel/bounded-map.ts'
import { isEnd } from './notification.ts'
import { UNTOLD_LEVEL } from './plan.ts'
import type { IncidentNote } from './plan.ts'

/** The part of a delivery record that decides what becomes of it. */
export interface DeliveryStep {
  delivery_id: string
  incident_id: string
  incident_seq: number
  reason: string
  target: string
  status: string
  attempt: number
  next_at: number | null
  severity: number
  content: string
}

/** A delivery that is not over, with what is told. */
export interface OpenDelivery<T extends DeliveryStep> {
  /** Its last step, with the content of the first. */
  step: T
  isInFlight: boolean
}

/** Notes of incidents; at the bound the one touched longest ago is forgotten, and told anew should it go on. */
const NOTES_MAX = 10_000

/**
 * What is to be sent, and what was told: the fold of the delivery records, in their order. Whoever takes over folds
 * the same records and has the same book.
 */
export class DeliveryBook<T extends DeliveryStep> {
  readonly #open = new Map<string, OpenDelivery<T>>()
  readonly #notes = new Map<string, IncidentNote>()

  get size(): number {
    return this.#open.size
  }

  note(incidentId: string): IncidentNote | undefined {
    return this.#notes.get(incidentId)
  }

  setNote(incidentId: string, note: IncidentNote): void {
    boundedSet(this.#notes, { key: incidentId, value: note, max: NOTES_MAX })
  }

  apply(step: T): void {
    const id = step.delivery_id
    const known = this.#open.get(id)
    if (step.status === 'waiting' || step.status === 'retrying') {
      const content = step.content === '' ? (known?.step.content ?? '') : step.content
      // Its beginning is no longer in the log: it was planned too long ago to be told.
      if (content !== '') this.#open.set(id, { step: { ...step, content }, isInFlight: false })
    } else this.#open.delete(id)
    this.#notice(step)
  }

  /** Takes over into the note what the record says; where the record was planned here, this changes nothing. */
  #notice(step: T): void {
    const { incident_id: incidentId, target, reason, severity } = step
    const note = this.#notes.get(incidentId)
    const seq = Math.max(step.incident_seq, note?.seq ?? 0)
    const isOverNow = isEnd(reason)
    const isPlan = step.status === 'waiting'
    const isNewRound = isPlan && reason === 'reopened' && note?.isOver === true
    const told = new Set(isNewRound || (isPlan && isOverNow) ? [] : note?.told)
    if (isPlan && !isOverNow) told.add(target)
    if ((step.status === 'cancelled' || step.status === 'suppressed') && !isOverNow)
      told.delete(target)
    const isOver = isPlan ? isOverNow : (note?.isOver ?? false)
    const before = isNewRound ? UNTOLD_LEVEL : (note?.level ?? UNTOLD_LEVEL)
    const level = step.status === 'suppressed' || isOverNow ? before : Math.min(before, severity)
    this.setNote(incidentId, { seq, told, isOver, level })
  }

  /** Escalations of the incident that were not sent yet. */
  escalations(incidentId: string): readonly T[] {
    return [...this.#open.values()]
      .filter(
        ({ step, isInFlight }) =>
          step.incident_id === incidentId &&
          step.reason === 'unacknowledged' &&
          step.attempt === 0 &&
          !isInFlight,
      )
      .map(({ step }) => step)
  }

  openFor(target: string): number {
    let count = 0
    for (const { step } of this.#open.values()) if (step.target === target) count += 1
    return count
  }

  /**
   * What is to be sent now, oldest first: at most `perTarget` at a time to one target, so that one that hangs holds up
   * nobody else, and in order for each incident, so that nobody is told of an end before the beginning.
   */
  due(nowMs: number, { perTarget }: { perTarget: number }): readonly OpenDelivery<T>[] {
    const busy = new Map<string, number>()
    for (const { step, isInFlight } of this.#open.values())
      if (isInFlight) busy.set(step.target, (busy.get(step.target) ?? 0) + 1)
    const ahead = new Set<string>()
    const found: OpenDelivery<T>[] = []
    for (const open of this.#open.values()) {
      const { step } = open
      const lane = `${step.target}\n${step.incident_id}`
      const isFirst = !ahead.has(lane)
      ahead.add(lane)
      const count = busy.get(step.target) ?? 0
      if (!isFirst || open.isInFlight || count >= perTarget || (step.next_at ?? 0) > nowMs) continue
      busy.set(step.target, count + 1)
      found.push(open)
    }
    return found
  }

  /** When the next one is to be sent; Infinity when nothing waits. */
  nextAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { step, isInFlight } of this.#open.values())
      if (!isInFlight) next = Math.min(next, step.next_at ?? 0)
    return next
  }
}
