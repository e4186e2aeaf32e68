/**
 * One room as one tab sees it. The server alone decides: `confirmed` is what came back from the log, `shown` has the
 * tab's own pending changes on top. Offline changes are kept and sent again under the same ids, so that each is
 * applied once or explained. Knows no DOM: time, chance and the socket are given to it.
 */
import { apply, decide, emptyRoom, guardedField, SOCKET_LIMITS } from '#lib/contract.ts'
import type {
  Actor,
  CommandKind,
  Focus,
  PayloadOf,
  PersonRef,
  Present,
  Rejection,
  RoomEvent,
  RoomState,
  ServerMessage,
  Welcome,
} from '#lib/contract.ts'
import { backoffMs, createLink } from '#lib/collab/link.ts'
import type { Link, LinkStatus, Socket, Timers } from '#lib/collab/link.ts'
import { commandOf, isGuarded, withPending } from '#lib/collab/overlay.ts'
import type { Pending } from '#lib/collab/overlay.ts'

export type { Socket, Timers } from '#lib/collab/link.ts'
export type { Pending } from '#lib/collab/overlay.ts'

export interface RoomOptions {
  incidentId: string
  /** Fetches a ticket and opens a socket with it; rejects when there is no network or no right. */
  connect: () => Promise<Socket>
  clock: Timers
  /** Uniform in [0, 1). */
  random: () => number
  /** Where changes outlive a reload of the tab; none in tests. */
  store?: PendingStore
}

/**
 * They keep the ids they were sent under. New ones get a name of their own each time a room is opened, because a
 * duplicated tab has a copy of this.
 */
export interface PendingStore {
  load(): readonly Pending[]
  save(pending: readonly Pending[]): void
}

/** Something this person has to be told. */
export type Notice =
  | { kind: 'rejected'; command: Pending; rejection: Rejection }
  | { kind: 'overwritten'; path: string; by: PersonRef; seq: number }
  /** Decided by the room, but the engine did not do it. */
  | { kind: 'undone'; event: RoomEvent }

export type Sent = { ok: true; cmdId: string } | { ok: false; rejection: Rejection }

export interface Room {
  readonly status: LinkStatus
  /** Why the server ended it for good, or where it is worth saying. */
  readonly reason: string
  readonly confirmed: RoomState
  readonly shown: RoomState
  readonly pending: readonly Pending[]
  readonly people: readonly Present[]
  readonly you: Welcome['you'] | null
  /** Server time minus this machine's. */
  readonly skewMs: number
  readonly notices: readonly Notice[]
  /** Events since the room was opened, newest last; for the timeline of the page. */
  readonly events: readonly RoomEvent[]
  send<K extends CommandKind>(kind: K, payload: PayloadOf<K>, rev?: number): Sent
  focus(focus: Focus): void
  dismiss(notice: Notice): void
  /** Is told of every change, once per message. Returns how to stop that. */
  onChange(listener: () => void): () => void
  close(): void
}

const NOTICES_MAX = 50
const EVENTS_MAX = 5_000
const PENDING_MAX = 500
const NOBODY: Actor = { id: '', name: 'You', role: 'viewer' }

export function createRoom(options: RoomOptions): Room {
  return new CollabRoom(options)
}

class CollabRoom implements Room {
  readonly #options: RoomOptions
  readonly #link: Link
  readonly #listeners = new Set<() => void>()
  readonly #clientId: string
  #next = 1
  #pending: readonly Pending[]
  #confirmed: RoomState
  #shown: RoomState
  #people: readonly Present[] = []
  #notices: readonly Notice[] = []
  #events: readonly RoomEvent[] = []
  #you: Welcome['you'] | null = null
  #skewMs = 0
  #focus: Focus | null = null
  #focusTimer: (() => void) | null = null
  #retries = 0

  constructor(options: RoomOptions) {
    this.#options = options
    this.#clientId = `t${Math.floor(options.random() * 2 ** 48).toString(36)}`
    this.#pending = options.store?.load() ?? []
    this.#confirmed = emptyRoom(options.incidentId)
    this.#shown = this.#confirmed
    this.#link = createLink({
      ...options,
      hello: () => ({
        type: 'hello',
        incidentId: options.incidentId,
        lastSeq: this.#confirmed.seq,
        clientId: this.#clientId,
      }),
      onMessage: (message) => this.#take(message),
      onStatus: () => this.#changed(),
    })
  }

  get status(): LinkStatus {
    return this.#link.status
  }
  get reason(): string {
    return this.#link.reason
  }
  get confirmed(): RoomState {
    return this.#confirmed
  }
  get shown(): RoomState {
    return this.#shown
  }
  get pending(): readonly Pending[] {
    return this.#pending
  }
  get people(): readonly Present[] {
    return this.#people
  }
  get you(): Welcome['you'] | null {
    return this.#you
  }
  get skewMs(): number {
    return this.#skewMs
  }
  get notices(): readonly Notice[] {
    return this.#notices
  }
  get events(): readonly RoomEvent[] {
    return this.#events
  }

  /** Refused at once when the rules already say no; otherwise pending until the server answers. */
  send<K extends CommandKind>(kind: K, payload: PayloadOf<K>, rev?: number): Sent {
    const cmdId = `${this.#clientId}:${this.#next}`
    const field = guardedField(kind, payload)
    const seen = field === undefined ? 0 : (rev ?? this.#confirmed.root[field]?.rev ?? 0)
    const pending: Pending = {
      cmdId,
      kind,
      payload: payload as Pending['payload'],
      base: this.#confirmed.seq,
      at: this.#options.clock.nowMs() + this.#skewMs,
      ...(field === undefined ? {} : { expect: { field, rev: seen } }),
    }
    const refused = this.#refusal(pending)
    if (refused !== undefined) return { ok: false, rejection: refused }
    this.#next += 1
    this.#setPending([...this.#pending, pending])
    this.#link.send(messageOf(pending))
    this.#changed()
    return { ok: true, cmdId }
  }

  focus(focus: Focus): void {
    this.#focus = focus
    if (this.#focusTimer !== null) return
    this.#tellFocus()
    // At most ten a second; the last one always gets through.
    const gapMs = 1_000 / SOCKET_LIMITS.focusPerSecond + 20
    this.#focusTimer = this.#options.clock.setTimer(() => {
      this.#focusTimer = null
      if (this.#focus !== focus) this.#tellFocus()
    }, gapMs)
  }

  dismiss(notice: Notice): void {
    this.#notices = this.#notices.filter((known) => known !== notice)
    this.#changed()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#focusTimer?.()
    this.#link.close()
  }

  #refusal(pending: Pending): Rejection | undefined {
    const { cmdId } = pending
    if (this.#pending.length >= PENDING_MAX)
      return { cmdId, code: 'rate', reason: 'Too many changes wait for the server.' }
    // Before the first welcome there is nothing to judge by.
    if (this.#you === null) return undefined
    const base = isGuarded(pending) ? this.#confirmed : this.#shown
    const decision = decide(base, commandOf(pending, this.#actor()))
    return decision.ok ? undefined : decision.rejection
  }

  #actor(): Actor {
    const you = this.#you
    if (you === null) return NOBODY
    return { id: you.id, name: you.name, role: you.role === 'none' ? 'viewer' : you.role }
  }

  #take(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#welcome(message)
        break
      case 'event':
        this.#takeEvent(message)
        break
      case 'reject':
        this.#takeRejection(message)
        break
      case 'presence':
        this.#people = 'full' in message ? message.full : withDelta(this.#people, message.delta)
        break
      case 'done':
        this.#settle(message.cmdId)
        break
      case 'pong':
      case 'error':
      case 'bye':
        break
    }
    this.#changed()
  }

  #welcome(message: Welcome): void {
    this.#you = message.you
    this.#skewMs = message.now - this.#options.clock.nowMs()
    this.#retries = 0
    if (message.snapshot !== undefined) this.#confirmed = message.snapshot
    for (const event of message.events ?? []) this.#takeEvent(event)
    this.#reshow()
    for (const pending of this.#pending) this.#link.send(messageOf(pending))
    if (this.#focus !== null) this.#tellFocus()
  }

  #takeEvent(event: RoomEvent): void {
    const isMine = event.actor.id === this.#you?.id
    if (event.seq === this.#confirmed.seq + 1) {
      this.#confirmed = apply(this.#confirmed, event)
      this.#events = [...this.#events, event].slice(-EVENTS_MAX)
      if (!isMine) this.#noticeLoss(event)
      if (event.kind === 'refused') this.#noticeUndone(event)
    } else if (event.seq > this.#confirmed.seq) {
      // Something is missing: the server has it, from what we know on.
      this.#link.reconnect()
      return
    }
    if (isMine) this.#settle(event.cmdId)
    this.#reshow()
  }

  /** The other one wrote without having seen what this person had written. */
  #noticeLoss(event: RoomEvent): void {
    for (const [path, before] of Object.entries(event.prev))
      if (before.by.id === this.#you?.id && before.rev > (event.base ?? event.seq))
        this.#note({ kind: 'overwritten', path, by: event.actor, seq: event.seq })
  }

  #noticeUndone(event: RoomEvent): void {
    const isMine = ({ cmdId, actor }: RoomEvent): boolean =>
      cmdId === event.payload['cmdId'] && actor.id === this.#you?.id
    if (this.#events.some(isMine)) this.#note({ kind: 'undone', event })
  }

  #takeRejection(rejection: Rejection): void {
    const command = this.#pending.find(({ cmdId }) => cmdId === rejection.cmdId)
    if (command === undefined) return
    if (rejection.code === 'rate') {
      // Not refused, only too fast: the same command goes again.
      this.#retries += 1
      const waitMs = backoffMs(this.#retries, this.#options.random)
      this.#options.clock.setTimer(() => this.#sendAgain(command), waitMs)
      return
    }
    this.#settle(command.cmdId)
    this.#note({ kind: 'rejected', command, rejection })
    this.#reshow()
  }

  #sendAgain(command: Pending): void {
    if (this.#pending.includes(command)) this.#link.send(messageOf(command))
  }

  #settle(cmdId: string): void {
    if (this.#pending.some((pending) => pending.cmdId === cmdId))
      this.#setPending(this.#pending.filter((pending) => pending.cmdId !== cmdId))
  }

  #setPending(pending: readonly Pending[]): void {
    this.#pending = pending
    this.#options.store?.save(pending)
    this.#reshow()
  }

  #note(notice: Notice): void {
    this.#notices = [...this.#notices, notice].slice(-NOTICES_MAX)
  }

  #tellFocus(): void {
    if (this.#focus !== null) this.#link.send({ type: 'focus', ...this.#focus })
  }

  #reshow(): void {
    this.#shown = withPending(this.#confirmed, this.#pending, this.#actor())
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

function messageOf({ cmdId, kind, payload, expect, base }: Pending): object {
  return { type: 'cmd', cmdId, kind, payload, base, ...(expect === undefined ? {} : { expect }) }
}

function withDelta(
  people: readonly Present[],
  { set, gone }: { set: readonly Present[]; gone: readonly string[] },
): readonly Present[] {
  const left = people.filter(({ id }) => !gone.includes(id) && !set.some((next) => next.id === id))
  return [...left, ...set].toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
