import type { Clock } from '#/kernel/clock.ts'
import { checkPayload, guardedField } from '#/schemas/collab/commands.ts'
import {
  CLOSE,
  PROTOCOL_VERSION,
  readClientMessage,
  SOCKET_LIMITS,
} from '#/schemas/collab/protocol.ts'
import type {
  ClientMessage,
  CommandMessage,
  Hello,
  ServerMessage,
  Welcome,
} from '#/schemas/collab/protocol.ts'
import type { Command, Rejection } from '#/schemas/collab/state.ts'
import { seesProject, type Principal } from '#/schemas/principal.ts'
import { messageOf } from '#/kernel/errors.ts'
import type { Submitted } from './action-record.ts'
import type { Member, Rooms } from './rooms.ts'
import { TokenBucket } from './token-bucket.ts'

export interface SessionDeps {
  clock: Clock
  rooms: Rooms
  /** Rejects when the log cannot be written now. */
  submit(submitted: Submitted): Promise<void>
  /** Told of what is refused before it reaches the log. */
  audit?:
    | ((note: { actorId: string; target: string; code: string; kind: string }) => void)
    | undefined
}

/** The other end: a WebSocket, or a fake one. */
export interface Wire {
  send(text: string): void
  /** Between them what is sent waits, to leave in one piece; left out where that makes no difference. */
  hold?(): void
  flush?(): void
  close(code: number, reason: string): void
}

export interface SessionOptions {
  id: string
  /** Undefined where reads are open and nobody said who: then nothing can be written. */
  principal: Principal | undefined
  project: string
  wire: Wire
  /** IID's subscription on the same socket. */
  onSubscribe?: (channels: readonly string[]) => void
}

/** One connection, from its first frame to its end. */
export class Session implements Member {
  readonly id: string
  readonly #deps: SessionDeps
  readonly #options: SessionOptions
  readonly #frames: TokenBucket
  readonly #commands: TokenBucket
  readonly #focuses: TokenBucket
  #principal: Principal | undefined
  #incidentId: string | undefined
  #isClosed = false
  #made = 0
  heardAt: number

  constructor(deps: SessionDeps, options: SessionOptions) {
    this.id = options.id
    this.#deps = deps
    this.#options = options
    this.#principal = options.principal
    const { clock } = deps
    this.heardAt = clock.monotonicMs()
    const { messagesPerSecond, commandsPerSecond, commandsBurst, focusPerSecond } = SOCKET_LIMITS
    this.#frames = new TokenBucket(clock, messagesPerSecond, messagesPerSecond * 2)
    this.#commands = new TokenBucket(clock, commandsPerSecond, commandsBurst)
    this.#focuses = new TokenBucket(clock, focusPerSecond, focusPerSecond)
  }

  get actorId(): string {
    return this.#principal?.id ?? ''
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  receive(frame: string | { bytes: number }): void {
    if (this.#isClosed) return
    this.heardAt = this.#deps.clock.monotonicMs()
    if (typeof frame !== 'string')
      return this.close(CLOSE.size, `A frame has at most ${SOCKET_LIMITS.frameBytes} bytes.`)
    if (!this.#frames.take()) return this.close(CLOSE.rate, 'Too many messages.')
    const read = readClientMessage(frame)
    if (read.ok) this.#take(read.value)
    else this.#tell({ type: 'error', path: read.path, message: read.reason })
  }

  send(text: string): void {
    if (!this.#isClosed) this.#options.wire.send(text)
  }

  hold(): void {
    this.#options.wire.hold?.()
  }

  flush(): void {
    this.#options.wire.flush?.()
  }

  /** The connection is gone, whoever ended it. */
  ended(): void {
    this.#isClosed = true
    this.#leave()
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return
    this.#tell({ type: 'bye', code, reason })
    this.ended()
    this.#options.wire.close(code, reason)
  }

  /** The person is somebody else now, or nobody: a new ticket says who. */
  revise(principal: Principal | null): void {
    if (principal === null) return this.close(CLOSE.unauthorized, 'Signed out.')
    const { project } = this.#options
    if (!seesProject(principal, project))
      return this.close(CLOSE.forbidden, 'This project is no longer yours.')
    this.#principal = principal
    if (this.#incidentId === undefined) return
    // Others see the role; the welcome told it to the tab itself, and the rules judge every command anew.
    const incidentId = this.#incidentId
    this.#deps.rooms.leave(incidentId, this.id)
    this.#deps.rooms.enter(incidentId, this, this.#person())
  }

  #take(message: ClientMessage): void {
    switch (message.type) {
      case 'hello':
        return this.#hello(message)
      case 'incident:join':
        this.#hello({ ...message, type: 'hello', lastSeq: 0, clientId: this.id })
        return this.#make('join', {})
      case 'incident:updateStatus':
        return this.#updateStatus(message.status)
      case 'cmd':
        return this.#command(message)
      case 'focus':
        return this.#focus(message)
      case 'focus:updated':
        return this.#focus({ ...message, type: 'focus' })
      case 'ping':
        return this.#tell({ type: 'pong', now: this.#deps.clock.nowMs() })
      case 'leave':
        return this.#leave()
      case 'subscribe':
        return this.#options.onSubscribe?.(message.channels)
    }
  }

  #hello({
    incidentId,
    lastSeq,
  }: Pick<Hello, 'incidentId' | 'lastSeq' | 'clientId' | 'type'>): void {
    const { rooms } = this.#deps
    const room = rooms.book.room(incidentId)
    if (room === undefined || room.project !== this.#options.project)
      return this.#tell({
        type: 'error',
        path: 'incidentId',
        message: 'There is no such incident.',
      })
    this.#leave()
    if (rooms.size(incidentId) >= SOCKET_LIMITS.roomPeople)
      return this.close(CLOSE.full, 'The room is full.')
    const { state, recent } = room
    const missed = recent.filter(({ seq }) => seq > lastSeq)
    const isWhole = lastSeq > 0 && lastSeq <= state.seq && missed.length === state.seq - lastSeq
    const welcome: Welcome = {
      type: 'welcome',
      version: PROTOCOL_VERSION,
      incidentId,
      seq: state.seq,
      ...(isWhole ? { events: missed } : { snapshot: state }),
      you: this.#person(),
      limits: SOCKET_LIMITS,
      now: this.#deps.clock.nowMs(),
    }
    this.#tell(welcome)
    this.#incidentId = incidentId
    rooms.enter(incidentId, this, this.#person())
  }

  #person(): Welcome['you'] {
    const { id, name, role } = this.#principal ?? {
      id: `guest:${this.id}`,
      name: 'Guest',
      role: 'none' as const,
    }
    return { id, name, role }
  }

  #command({ cmdId, kind, payload, expect, base }: CommandMessage): void {
    const { rooms, clock } = this.#deps
    const incidentId = this.#incidentId
    const principal = this.#principal
    if (incidentId === undefined)
      return this.#reject({ cmdId, code: 'not_joined', reason: 'Say hello to an incident first.' })
    if (principal === undefined) {
      this.#deps.audit?.({ actorId: `guest`, target: incidentId, code: 'forbidden', kind })
      return this.#reject({ cmdId, code: 'forbidden', reason: 'Sign in to change an incident.' })
    }
    const known = rooms.book.decided(incidentId, { actorId: principal.id, cmdId })
    if (known !== undefined) return this.#answerAgain(cmdId, known)
    // The same command fails the same way however often it comes, so this needs no record.
    const checked = checkPayload(kind, payload)
    if (!checked.ok)
      return this.#reject({ cmdId, code: 'invalid', reason: checked.reason, path: checked.path })
    if (!this.#commands.take())
      return this.#reject({ cmdId, code: 'rate', reason: 'Too many changes; send it again later.' })
    const command: Command = {
      cmdId,
      kind,
      payload,
      actor: { id: principal.id, name: principal.name, role: principal.role },
      at: clock.nowMs(),
      ...(expect === undefined ? {} : { expect }),
      ...(base === undefined ? {} : { base }),
    }
    const submitted = { project: this.#options.project, incidentId, command }
    this.#deps.submit(submitted).catch((error: unknown) => {
      // Not refused: nobody knows whether it was written. The same id makes it safe to send again.
      this.#reject({ cmdId, code: 'rate', reason: messageOf(error) })
    })
  }

  #answerAgain(cmdId: string, known: NonNullable<ReturnType<Rooms['book']['decided']>>): void {
    // Its event is long past: the snapshot the tab was given has it.
    if (typeof known === 'number') this.#tell({ type: 'done', cmdId, seq: known })
    else if ('event' in known) this.#tell({ type: 'event', ...known.event })
    else this.#reject(known.rejection)
  }

  /** What IRP's clients send names no revision: the one this process knows is meant. */
  #updateStatus(wanted: string): void {
    const status = wanted === 'active' ? 'investigating' : wanted
    this.#make('status_change', { status })
  }

  #make(kind: 'join' | 'status_change', payload: Command['payload']): void {
    if (this.#incidentId === undefined) return
    const field = guardedField(kind, payload)
    const rev =
      field === undefined
        ? 0
        : (this.#deps.rooms.book.stateOf(this.#incidentId).root[field]?.rev ?? 0)
    this.#command({
      type: 'cmd',
      cmdId: `${this.id}:${(this.#made += 1)}`,
      kind,
      payload,
      ...(field === undefined ? {} : { expect: { field, rev } }),
    })
  }

  #focus({ section, cardId, field }: Extract<ClientMessage, { type: 'focus' }>): void {
    // Past the rate the next one counts: where somebody was in between is worth nothing.
    if (this.#incidentId === undefined || !this.#focuses.take()) return
    const focus = {
      section,
      ...(cardId == null ? {} : { cardId }),
      ...(field == null ? {} : { field }),
    }
    const presence = this.#deps.rooms.presenceOf(this.#incidentId)
    presence?.focus(this.id, section === '' ? null : focus, this.#deps.clock.nowMs())
  }

  #leave(): void {
    if (this.#incidentId !== undefined) this.#deps.rooms.leave(this.#incidentId, this.id)
    this.#incidentId = undefined
  }

  #reject(rejection: Rejection): void {
    this.#tell({ type: 'reject', ...rejection })
  }

  #tell(message: ServerMessage): void {
    this.send(JSON.stringify(message))
  }
}
