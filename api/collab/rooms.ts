import type { Present, ServerMessage } from '#/schemas/collab/protocol.ts'
import type { Rejection } from '#/schemas/collab/state.ts'
import type { PlacedAction } from './action-log.ts'
import { Presence } from './presence.ts'
import type { PresenceNews } from './presence-bus.ts'
import { RoomBook } from './room-book.ts'
import type { Decided, RoomBookOptions } from './room-book.ts'

/** One socket in a room. */
export interface Member {
  readonly id: string
  /** Whose commands it sends; empty for who may not send any. */
  readonly actorId: string
  send(text: string): void
  /** What is sent until `flush` leaves in one piece. */
  hold(): void
  flush(): void
}

interface OpenRoom {
  members: Map<string, Member>
  presence: Presence
}

export interface RoomsOptions extends RoomBookOptions {
  /** Names this process among those that share the log. */
  gateway: string
  /** Told of each rejection that went to a socket of this process. */
  onRejected?: (told: {
    incidentId: string
    project: string
    actorId: string
    kind: string
    rejection: Rejection
  }) => void
}

/**
 * The rooms of one gateway: what the log says goes to every socket that looks at it, the author's included. Knows no
 * clock and no I/O, so that the fuzzer runs the same code.
 */
export class Rooms {
  readonly book: RoomBook
  readonly #options: RoomsOptions
  readonly #open = new Map<string, OpenRoom>()
  readonly #waiting = new Map<string, (decided: Decided) => void>()

  constructor(options: RoomsOptions) {
    this.book = new RoomBook(options)
    this.#options = options
  }

  /** Records of the log, in the order of their partition. */
  take(placed: readonly PlacedAction[], partition: number): void {
    const held = new Set<Member>()
    try {
      this.#takeAll(placed, partition, held)
    } finally {
      for (const member of held) member.flush()
    }
  }

  /** Much at once leaves as one write to each receiver: with many of them that is what it costs. */
  #hold(incidentId: string, held: Set<Member>): void {
    for (const member of this.#open.get(incidentId)?.members.values() ?? []) {
      if (held.has(member)) continue
      member.hold()
      held.add(member)
    }
  }

  #takeAll(placed: readonly PlacedAction[], partition: number, held: Set<Member>): void {
    for (const { action, offset } of placed) {
      if (placed.length > 1) this.#hold(action.incident_id, held)
      const taken = this.book.take(action, { partition, offset })
      if (taken === undefined) continue
      const { incidentId, actorId } = taken
      const open = this.#open.get(incidentId)
      if ('event' in taken) {
        const { event } = taken
        if (open !== undefined) sendAll(open, { type: 'event', ...event })
        this.#settle(nameOf(incidentId, actorId, event.cmdId), { event })
        continue
      }
      const { rejection, kind } = taken
      this.#settle(nameOf(incidentId, actorId, rejection.cmdId), { rejection })
      if (open === undefined) continue
      const text = JSON.stringify({ type: 'reject', ...rejection })
      const own = [...open.members.values()].filter((member) => member.actorId === actorId)
      for (const member of own) member.send(text)
      if (own.length > 0)
        this.#options.onRejected?.({
          incidentId,
          project: action.project,
          actorId,
          kind,
          rejection,
        })
    }
  }

  /** Resolves with what the log says about a command, however long that takes. */
  decision(incidentId: string, actorId: string, cmdId: string): Promise<Decided> {
    const known = this.book.decided(incidentId, { actorId, cmdId })
    if (known !== undefined && typeof known !== 'number') return Promise.resolve(known)
    return new Promise((resolve) => this.#waiting.set(nameOf(incidentId, actorId, cmdId), resolve))
  }

  forgetDecision(incidentId: string, actorId: string, cmdId: string): void {
    this.#waiting.delete(nameOf(incidentId, actorId, cmdId))
  }

  /** How many sockets of this process look at it. */
  size(incidentId: string): number {
    return this.#open.get(incidentId)?.members.size ?? 0
  }

  enter(incidentId: string, member: Member, person: Omit<Present, 'focus' | 'tabs'>): void {
    const open = this.#open.get(incidentId) ?? { members: new Map(), presence: new Presence() }
    this.#open.set(incidentId, open)
    open.members.set(member.id, member)
    open.presence.enter(member.id, { person, focus: null, focusedAt: 0 })
    member.send(JSON.stringify({ type: 'presence', full: open.presence.people() }))
  }

  leave(incidentId: string, memberId: string): void {
    const open = this.#open.get(incidentId)
    open?.members.delete(memberId)
    open?.presence.leave(memberId)
  }

  presenceOf(incidentId: string): Presence | undefined {
    return this.#open.get(incidentId)?.presence
  }

  hear(news: PresenceNews): void {
    if (news.gateway === this.#options.gateway) return
    this.#open.get(news.incidentId)?.presence.hear(news.gateway, news)
  }

  /** What changed since the last call goes to everybody in the room, at most once. */
  tellPresence(): void {
    for (const open of this.#open.values()) {
      if (!open.presence.isDirty) continue
      const delta = open.presence.delta()
      if (delta !== undefined) sendAll(open, { type: 'presence', delta })
    }
  }

  /** What other gateways have to hear: rooms whose own people changed, or all of them for a heartbeat. */
  newsForOthers(nowMs: number, isHeartbeat: boolean): PresenceNews[] {
    const news: PresenceNews[] = []
    for (const [incidentId, { presence }] of this.#open) {
      if (!presence.isUntold && !isHeartbeat) continue
      presence.isUntold = false
      const { gateway } = this.#options
      news.push({ gateway, incidentId, at: nowMs, tabs: presence.own() })
      if (presence.isEmpty()) this.#open.delete(incidentId)
    }
    return news
  }

  forgetSilentGateways(beforeMs: number): void {
    for (const { presence } of this.#open.values()) presence.forgetSilent(beforeMs)
  }

  #settle(name: string, decided: Decided): void {
    const resolve = this.#waiting.get(name)
    this.#waiting.delete(name)
    resolve?.(decided)
  }
}

function nameOf(incidentId: string, actorId: string, cmdId: string): string {
  return `${incidentId}\n${actorId}\n${cmdId}`
}

function sendAll({ members }: OpenRoom, message: ServerMessage): void {
  // One text for all: with five hundred people that is what a room costs.
  const text = JSON.stringify(message)
  for (const member of members.values()) member.send(text)
}
