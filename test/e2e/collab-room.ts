/**
 * A room behind the sockets of pages, by the rules of the real one, for pages without a platform: everybody of one
 * `FakeRoom` is in the same room. Answers can be held back, and sockets cut.
 */
import type { Page, WebSocketRoute } from 'playwright-core'

import { apply } from '#/schemas/collab/apply.ts'
import { decide } from '#/schemas/collab/decide.ts'
import { emptyRoom } from '#/schemas/collab/state.ts'
import type { Actor, Command, RoomEvent, RoomState } from '#/schemas/collab/state.ts'
import type { Focus, Present, ServerMessage } from '#/schemas/collab/protocol.ts'
import type { Role } from '#/schemas/principal.ts'
import { systemClock } from '#/kernel/clock.ts'

interface Seat {
  who: Present
  socket: WebSocketRoute
}

export class FakeRoom {
  state: RoomState
  readonly events: RoomEvent[] = []
  /** How long an answer to a command takes. */
  delayMs = 0
  /** While it is down no socket opens. */
  isUp = true
  #seats: Seat[] = []
  #decided = new Map<string, ServerMessage>()

  constructor(incidentId: string) {
    this.state = emptyRoom(incidentId)
  }

  /** Everybody who opens a room in this page is `actor`. */
  async seat(page: Page, actor: { id: string; name: string; role: Role }): Promise<void> {
    await page.route('**/api/ws-ticket', (route) =>
      route.fulfill({ json: { ticket: actor.id, expires_in: 30 } }),
    )
    await page.route('**/api/incidents/*/room/events', (route) =>
      route.fulfill({ json: { items: this.events, next: null } }),
    )
    await page.routeWebSocket('**/ws', (socket) => {
      if (!this.isUp) return void socket.close({ code: 1012, reason: 'down' })
      const who: Present = { ...actor, focus: null, tabs: 1 }
      socket.onMessage((text) => void this.#hear({ who, socket }, String(text)))
      socket.onClose(() => this.#gone(socket))
      page.on('close', () => this.#gone(socket))
    })
  }

  /** A change by somebody who has no page. */
  do(actor: Actor, kind: Command['kind'], payload: object, more: Partial<Command> = {}): void {
    const cmdId = `o:${this.events.length}`
    const at = systemClock.nowMs()
    this.#say(this.#decide({ cmdId, kind, payload, actor, at, ...more } as Command))
  }

  async cut(): Promise<void> {
    const seats = this.#seats.splice(0)
    await Promise.all(seats.map(({ socket }) => socket.close({ code: 1012, reason: 'restart' })))
  }

  #decide(command: Command): ServerMessage {
    const name = `${command.actor.id} ${command.cmdId}`
    const known = this.#decided.get(name)
    if (known !== undefined) return known
    const decision = decide(this.state, command)
    if (decision.ok) {
      this.state = apply(this.state, decision.event)
      this.events.push(decision.event)
    }
    const answer: ServerMessage = decision.ok
      ? { type: 'event', ...decision.event }
      : { type: 'reject', ...decision.rejection }
    this.#decided.set(name, answer)
    return answer
  }

  async #hear(seat: Seat, text: string): Promise<void> {
    const message = JSON.parse(text) as { type: string; lastSeq: number } & Command & Focus
    const { who, socket } = seat
    if (message.type === 'hello') {
      this.#seats.push(seat)
      const { id, name, role } = who
      const you = { id, name, role }
      const now = systemClock.nowMs()
      const missed = this.events.slice(message.lastSeq)
      const welcome = { type: 'welcome', version: 1, seq: this.state.seq, events: missed, you, now }
      socket.send(JSON.stringify({ ...welcome, incidentId: this.state.incidentId }))
      this.#tellPresence()
    } else if (message.type === 'cmd') {
      if (this.delayMs > 0) await systemClock.sleep(this.delayMs)
      const actor = { id: who.id, name: who.name, role: who.role === 'none' ? 'viewer' : who.role }
      this.#say(this.#decide({ ...message, actor, at: systemClock.nowMs() }))
    } else if (message.type === 'focus') {
      const { section, cardId, field } = message
      who.focus = { section, ...(cardId && { cardId }), ...(field && { field }) }
      this.#tellPresence()
    } else if (message.type === 'leave') this.#gone(socket)
  }

  #gone(socket: WebSocketRoute): void {
    this.#seats = this.#seats.filter((seat) => seat.socket !== socket)
    this.#tellPresence()
  }

  #tellPresence(): void {
    const people = new Map<string, Present>()
    for (const { who } of this.#seats) {
      const tabs = (people.get(who.id)?.tabs ?? 0) + 1
      people.set(who.id, { ...who, tabs })
    }
    this.#say({ type: 'presence', full: [...people.values()] })
  }

  #say(message: ServerMessage): void {
    const text = JSON.stringify(message)
    for (const { socket } of this.#seats) socket.send(text)
  }
}
