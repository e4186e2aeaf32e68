/**
 * A room under everything that goes wrong, from one seed: the real rules, the real decider, the real gateways and
 * sessions, the real client of the browser. Made up are only the network, the log's storage and time.
 */
import { commandOf, recordOfCommand } from '#/api/collab/action-record.ts'
import type { PlacedAction } from '#/api/collab/action-log.ts'
import type { Submitted } from '#/api/collab/action-record.ts'
import { Decider } from '#/api/collab/decider.ts'
import { RoomBook } from '#/api/collab/room-book.ts'
import { Rooms } from '#/api/collab/rooms.ts'
import { Session } from '#/api/collab/session.ts'
import { createRoom } from '#/dashboard/src/lib/collab/client.ts'
import type { Room, Socket } from '#/dashboard/src/lib/collab/client.ts'
import type { Clock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'
import { ENGINE, emptyRoom } from '#/schemas/collab/state.ts'
import type { RoomState } from '#/schemas/collab/state.ts'
import { STEP } from '#/schemas/collab/test-room.ts'
import type { Action } from '#/schemas/records.ts'
import type { Principal } from '#/schemas/principal.ts'
import { randomChange } from './changes.ts'
import type { Change } from './changes.ts'

export interface FuzzOptions {
  seed: number
  steps?: number
  /** False is the negative control. */
  remembersRejections?: boolean
}

export const INCIDENT = 'inc-1'
const PROJECT = 'default'

const PEOPLE: readonly Principal[] = [
  { id: 'user:ann', name: 'Ann', kind: 'user', role: 'responder', projects: 'all' },
  { id: 'user:ben', name: 'Ben', kind: 'user', role: 'admin', projects: 'all' },
  // Two tabs of one person.
  { id: 'user:ben', name: 'Ben', kind: 'user', role: 'admin', projects: 'all' },
  { id: 'user:eve', name: 'Eve', kind: 'user', role: 'viewer', projects: 'all' },
]

/** One connection: frames on their way in both directions, and whether either end still believes in it. */
interface Line {
  client: FuzzClient
  gateway: Gateway
  session: Session
  socket: Socket
  up: string[]
  down: string[]
  isClientSide: boolean
  isServerSide: boolean
}

interface Gateway {
  rooms: Rooms
  /** Next action to take. */
  next: number
}

interface FuzzClient {
  principal: Principal
  room: Room
  sent: string[]
  rejected: Map<string, string>
}

interface Timer {
  at: number
  run: () => void
}

export class World {
  readonly random: Random
  readonly clients: FuzzClient[] = []
  /** What the gateways saw, by seq: what replay has to give again. */
  readonly recorded: string[] = []
  readonly actions: PlacedAction[] = []
  readonly commands: Action[] = []
  readonly #options: FuzzOptions
  #committed = 0
  #decider: Decider
  #gateways: Gateway[]
  #lines: Line[] = []
  #timers: Timer[] = []
  #nowMs = 1_000
  #sessions = 0
  #isCalm = false

  readonly clock: Clock = {
    nowMs: () => this.#nowMs,
    monotonicMs: () => this.#nowMs,
    sleep: () => Promise.resolve(),
  }

  constructor(options: FuzzOptions) {
    this.#options = options
    this.random = createSeededRandom(options.seed)
    this.#decider = this.#newDecider()
    this.#gateways = [this.#newGateway('g0'), this.#newGateway('g1')]
    const opened = {
      cmdId: 'engine:1',
      kind: 'engine',
      payload: STEP,
      actor: ENGINE,
      at: 1,
    } as const
    this.#append({ project: PROJECT, incidentId: INCIDENT, command: opened })
    this.#decide()
    for (const gateway of this.#gateways) this.#pump(gateway, Number.POSITIVE_INFINITY)
    for (const principal of PEOPLE) {
      const client = this.#newClient(principal)
      this.clients.push(client)
      // Most join first, as the page makes them; the others find out what happens when one does not.
      if (this.random.unit() < 0.8) this.#send(client, { kind: 'join', payload: {} })
    }
  }

  async run(): Promise<void> {
    for (let step = 0; step < (this.#options.steps ?? 130); step += 1) {
      this.#nowMs += this.random.int(400)
      this.#ring()
      this.#act()
      await settle()
    }
    await this.#heal()
  }

  /** Everything that was promised and does not hold; empty when all is well. */
  complaints(): string[] {
    const complaints: string[] = []
    const replayed = new RoomBook()
    const states: RoomState[] = [emptyRoom(INCIDENT)]
    const accepted = new Map<string, number>()
    for (const { action, offset } of this.actions) {
      const taken = replayed.take(action, { partition: 0, offset })
      if (taken === undefined || !('event' in taken)) continue
      const { event, actorId } = taken
      states.push(replayed.stateOf(INCIDENT))
      if (event.seq !== states.length - 1) complaints.push(`seq ${event.seq} is not contiguous`)
      const name = `${actorId} ${event.cmdId}`
      if (accepted.has(name)) complaints.push(`${name} is in the log twice`)
      accepted.set(name, event.seq)
    }
    for (const [seq, text] of this.recorded.entries())
      if (text !== undefined && text !== JSON.stringify(states[seq]))
        complaints.push(`replay differs from what was seen live at ${seq}`)
    const whole = JSON.stringify(states.at(-1))
    for (const [index, gateway] of this.#gateways.entries())
      if (JSON.stringify(gateway.rooms.book.stateOf(INCIDENT)) !== whole)
        complaints.push(`gateway ${index} differs from replay`)
    for (const [index, client] of this.clients.entries())
      complaints.push(...this.#complaintsOf(client, `client ${index}`, { whole, accepted }))
    return complaints
  }

  #complaintsOf(
    { room, sent, rejected, principal }: FuzzClient,
    name: string,
    log: { whole: string; accepted: ReadonlyMap<string, number> },
  ): string[] {
    const complaints: string[] = []
    if (room.pending.length > 0) complaints.push(`${name} still waits for ${room.pending.length}`)
    if (JSON.stringify(room.confirmed) !== log.whole)
      complaints.push(`${name} has another room than the server`)
    for (const cmdId of sent) {
      const isIn = log.accepted.has(`${principal.id} ${cmdId}`)
      const isRejected = rejected.has(cmdId)
      if (isIn && isRejected) complaints.push(`${name}: ${cmdId} was told rejected and is applied`)
      if (!isIn && !isRejected)
        complaints.push(`${name}: ${cmdId} was neither applied nor rejected`)
    }
    return complaints
  }

  #act(): void {
    const roll = this.random.unit()
    if (roll < 0.3) this.#change(this.random.pick(this.clients))
    else if (roll < 0.62) this.#carry()
    else if (roll < 0.78) this.#decide(this.random.unit() < 0.15 ? 'crash' : undefined)
    else if (roll < 0.94) this.#pump(this.random.pick(this.#gateways), 1 + this.random.int(4))
    else if (roll < 0.975) this.#cut()
    else if (roll < 0.99) this.#decider = this.#newDecider()
    else this.#crashGateway()
  }

  #change(client: FuzzClient): void {
    this.#send(client, randomChange(this.random, client.room))
  }

  #send(client: FuzzClient, change: Change): void {
    const answer = client.room.send(change.kind, change.payload, change.rev)
    if (answer.ok) client.sent.push(answer.cmdId)
  }

  /** A frame arrives, now and then twice, now and then long after its sender gave up the connection. */
  #carry(): void {
    const busy = this.#lines.filter(({ up, down }) => up.length + down.length > 0)
    if (busy.length === 0) return
    const line = this.random.pick(busy)
    const isUp = line.down.length === 0 || (line.up.length > 0 && this.random.unit() < 0.5)
    const frame = (isUp ? line.up : line.down).shift() ?? ''
    const copies = !this.#isCalm && this.random.unit() < 0.1 ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      if (isUp) {
        if (line.isServerSide) line.session.receive(frame)
      } else if (line.isClientSide) line.socket.heard?.(frame)
    }
    // A copy that took another way arrives much later.
    if (isUp && !this.#isCalm && this.random.unit() < 0.1) line.up.push(frame)
  }

  /** The client notices at once; the server may go on reading what was on its way. */
  #cut(): void {
    if (this.#lines.length === 0) return
    const line = this.random.pick(this.#lines)
    if (line.isClientSide) {
      line.isClientSide = false
      line.down = []
      line.socket.ended?.(1006, '')
    }
    if (this.random.unit() < 0.5) this.#endServerSide(line)
  }

  #endServerSide(line: Line): void {
    line.isServerSide = false
    line.session.ended()
    this.#lines = this.#lines.filter((other) => other !== line)
  }

  #crashGateway(): void {
    const index = this.random.int(this.#gateways.length)
    const gone = this.#gateways[index]!
    for (const line of this.#lines.filter(({ gateway }) => gateway === gone)) {
      this.#endServerSide(line)
      if (line.isClientSide) {
        line.isClientSide = false
        line.socket.ended?.(1006, '')
      }
    }
    this.#gateways[index] = this.#newGateway(`g${index}`)
  }

  #append(submitted: Submitted): void {
    this.commands.push(recordOfCommand(submitted))
  }

  #submit = (submitted: Submitted): Promise<void> => {
    const roll = this.#isCalm ? 1 : this.random.unit()
    // Not written; or written, and nobody heard of it.
    if (roll < 0.03) return Promise.reject(new Error('the log is away'))
    this.#append(submitted)
    return roll < 0.06 ? Promise.reject(new Error('no answer of the log')) : Promise.resolve()
  }

  /** One step of the sequencer: what it writes and how far it has read become visible together, or neither does. */
  #decide(crash?: 'crash'): void {
    const upTo = Math.min(this.commands.length, this.#committed + 1 + this.random.int(6))
    const outputs: Action[] = []
    for (const action of this.commands.slice(this.#committed, upTo)) {
      const submitted = commandOf(structuredClone(action))
      const record =
        submitted === undefined ? undefined : this.#decider.decide(submitted, this.#nowMs)
      if (record !== undefined) outputs.push(record)
    }
    if (crash === 'crash') {
      this.#decider = this.#newDecider()
      return
    }
    for (const action of outputs)
      this.actions.push({ action, offset: this.actions.length, timestampMs: action.at })
    this.#committed = upTo
  }

  #pump(gateway: Gateway, count: number): void {
    const placed = this.actions.slice(gateway.next, gateway.next + count)
    gateway.next += placed.length
    for (const each of placed) {
      gateway.rooms.take([each], 0)
      const state = gateway.rooms.book.stateOf(INCIDENT)
      if (state.seq > 0) this.recorded[state.seq] ??= JSON.stringify(state)
    }
  }

  #newDecider(): Decider {
    const decider = new Decider(this.#memory())
    for (const { action, offset } of this.actions)
      decider.book.take(action, { partition: 0, offset })
    return decider
  }

  #newGateway(name: string): Gateway {
    return { rooms: new Rooms({ gateway: name, ...this.#memory() }), next: 0 }
  }

  #memory(): { remembersRejections: boolean } {
    return { remembersRejections: this.#options.remembersRejections ?? true }
  }

  #newClient(principal: Principal): FuzzClient {
    const sent: string[] = []
    const rejected = new Map<string, string>()
    const client: FuzzClient = { principal, sent, rejected, room: undefined as never }
    client.room = createRoom({
      incidentId: INCIDENT,
      connect: () => this.#connect(client),
      clock: { nowMs: () => this.#nowMs, setTimer: this.#setTimer },
      random: () => this.random.unit(),
    })
    client.room.onChange(() => {
      for (const notice of client.room.notices)
        if (notice.kind === 'rejected') rejected.set(notice.rejection.cmdId, notice.rejection.code)
    })
    return client
  }

  async #connect(client: FuzzClient): Promise<Socket> {
    if (!this.#isCalm && this.random.unit() < 0.1) throw new Error('no network')
    const gateway = this.random.pick(this.#gateways)
    const line: Line = {
      client,
      gateway,
      up: [],
      down: [],
      isClientSide: true,
      isServerSide: true,
    } as never
    line.socket = {
      send: (text) => void (line.isClientSide && line.up.push(text)),
      close: () => void (line.isClientSide = false),
      heard: null,
      ended: null,
    }
    const deps = { clock: this.clock, rooms: gateway.rooms, submit: this.#submit }
    const wire = {
      send: (text: string) => void line.down.push(text),
      close: () => void (line.isServerSide = false),
    }
    const id = `s${(this.#sessions += 1)}`
    line.session = new Session(deps, { id, principal: client.principal, project: PROJECT, wire })
    this.#lines.push(line)
    return line.socket
  }

  #setTimer = (run: () => void, delayMs: number): (() => void) => {
    const timer = { at: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer))
  }

  #ring(): void {
    for (const timer of this.#timers.filter(({ at }) => at <= this.#nowMs)) {
      if (!this.#timers.includes(timer)) continue
      this.#timers = this.#timers.filter((other) => other !== timer)
      timer.run()
    }
  }

  /** From here on nothing fails: what was begun must come to its end. */
  async #heal(): Promise<void> {
    this.#isCalm = true
    for (let round = 0; round < 400; round += 1) {
      this.#nowMs += 500
      this.#ring()
      for (const line of this.#lines) {
        for (const frame of line.up.splice(0)) if (line.isServerSide) line.session.receive(frame)
        if (!line.isClientSide) this.#endServerSide(line)
      }
      while (this.#committed < this.commands.length) this.#decide()
      for (const gateway of this.#gateways) this.#pump(gateway, Number.POSITIVE_INFINITY)
      for (const line of this.#lines)
        for (const frame of line.down.splice(0)) if (line.isClientSide) line.socket.heard?.(frame)
      await settle()
      const isDone = this.clients.every(
        ({ room }) => room.status === 'live' && room.pending.length === 0,
      )
      if (isDone && this.#lines.every(({ up, down }) => up.length + down.length === 0)) return
    }
  }
}

/** Lets promises that are ready run; three turns are the longest chain there is. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await Promise.resolve()
}

/** One seed from beginning to end. */
export async function fuzz(options: FuzzOptions): Promise<{ complaints: string[]; world: World }> {
  const world = new World(options)
  await world.run()
  return { complaints: world.complaints(), world }
}
