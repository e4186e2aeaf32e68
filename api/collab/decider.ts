import { decide } from '#/schemas/collab/decide.ts'
import type { Action } from '#/schemas/records.ts'
import { recordOfEvent, recordOfRejection } from './action-record.ts'
import type { Submitted } from './action-record.ts'
import { RoomBook } from './room-book.ts'
import type { RoomBookOptions } from './room-book.ts'

/**
 * Decides the commands of one partition, one after the other. It is ahead of the log by what it decided and has not
 * committed: when a commit fails it is thrown away, and the next one begins with what the log holds.
 */
export class Decider {
  readonly book: RoomBook

  constructor(options: RoomBookOptions = {}) {
    this.book = new RoomBook(options)
  }

  /** The record to write; undefined for a command that was decided before. */
  decide(submitted: Submitted, nowMs: number): Action | undefined {
    const { incidentId, command } = submitted
    const name = { actorId: command.actor.id, cmdId: command.cmdId }
    if (this.book.decided(incidentId, name) !== undefined) return undefined
    const state = this.book.stateOf(incidentId)
    const project = this.book.room(incidentId)?.project ?? submitted.project
    const isLost = project !== submitted.project || this.#mergesIntoNothing(submitted)
    const decision = isLost
      ? { ok: false as const, rejection: notHere(command.cmdId) }
      : decide(state, { ...command, at: nowMs })
    const record = decision.ok
      ? recordOfEvent(submitted, decision.event)
      : recordOfRejection(submitted, decision.rejection, { seq: state.seq, at: nowMs })
    this.book.take(record, { partition: 0, offset: -1 })
    return record
  }

  /** The one rule that looks beyond its room: a link between incidents leads somewhere, in the same project. */
  #mergesIntoNothing({ project, command: { kind, payload } }: Submitted): boolean {
    if (kind !== 'merge_into') return false
    const { into } = payload
    return typeof into === 'string' && this.book.room(into)?.project !== project
  }
}

/** Another project's incident is not there, for those who may not see it. */
function notHere(cmdId: string) {
  return { cmdId, code: 'missing' as const, reason: 'There is no such incident.' }
}
