import { decide } from '#/schemas/collab/decide.ts'
import type { Refusal } from '#/schemas/collab/rules.ts'
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
    const isLost = project !== submitted.project
    const lost = isLost ? NOT_HERE : this.#mergeRefusal(submitted)
    const decision =
      lost === undefined
        ? decide(state, { ...command, at: nowMs })
        : { ok: false as const, rejection: { cmdId: command.cmdId, ...lost } }
    const record = decision.ok
      ? recordOfEvent(submitted, decision.event)
      : recordOfRejection(submitted, decision.rejection, { seq: state.seq, at: nowMs })
    this.book.take(record, { partition: 0, offset: -1 })
    return record
  }

  /** The one rule that looks beyond its room: a merge leads to an incident of the same project that goes on. */
  #mergeRefusal({ project, command: { kind, payload } }: Submitted): Refusal | undefined {
    if (kind !== 'merge_into' || typeof payload['into'] !== 'string') return undefined
    const other = this.book.room(payload['into'])
    if (other?.project !== project) return NOT_HERE
    const { redirectTo, status } = other.state.root
    const current = { redirectTo: redirectTo?.value ?? '', status: status?.value ?? 'open' }
    if (current.redirectTo !== '')
      return { code: 'transition', reason: 'The other one was merged away itself.', current }
    if (current.status === 'resolved')
      return { code: 'transition', reason: 'The other one is resolved; open it first.', current }
    return undefined
  }
}

/** Another project's incident is not there, for those who may not see it. */
const NOT_HERE = { code: 'missing', reason: 'There is no such incident.' } as const
