/** Several API processes over one log, for tests: each an app with a gateway, one sequencer and one bridge in each. */
import type { WebSocket } from '@fastify/websocket'
import { buildApp } from '#/api/app.ts'
import { createTestApp } from '#/api/test-app.ts'
import type { TestApp } from '#/api/test-app.ts'
import { appendIncident } from '#/api/test-log.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { SUBPROTOCOL, TICKET_PREFIX } from '#/schemas/collab/protocol.ts'
import type { ServerMessage } from '#/schemas/collab/protocol.ts'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import type { Principal } from '#/schemas/principal.ts'
import { startEngineBridge } from './engine-bridge.ts'
import { openGateway } from './gateway.ts'
import type { Gateway, Refused } from './gateway.ts'
import { openLogBus } from './presence-bus.ts'
import { startSequencer } from './sequencer.ts'

export const person = (name: string, role: Principal['role'] = 'responder'): Principal => ({
  id: `user:${name.toLowerCase()}`,
  name,
  kind: 'user',
  role,
  projects: ['default'],
})

export interface TestGateway {
  app: TestApp['app']
  gateway: Gateway
  audited: Refused[]
  /** As accounts would: the principal is another one now. */
  revise(id: string, now: Principal | null): void
  /** Ends this process without a goodbye to the log. */
  stop(): Promise<void>
}

export interface TestGateways {
  test: TestApp
  all: readonly TestGateway[]
  connect(gateway: TestGateway, who?: Principal): Promise<TestSocket>
  /** One more process, later. */
  openAnother(): Promise<TestGateway>
  close(): Promise<void>
}

export async function openGateways(count: number): Promise<TestGateways> {
  const test = await createTestApp({ clock: systemClock })
  const { log, clock, schemaIds, registry } = test.deps
  const base = {
    log,
    clock,
    schemaIds,
    registry,
    onProblem: (e: unknown) => void test.problems.push(e),
  }
  const tickets = new Map<string, Principal | undefined>()
  const open = async (index: number): Promise<TestGateway> => {
    const watchers = new Map<string, ((now: Principal | null) => void)[]>()
    const audited: Refused[] = []
    const bus = await openLogBus(base)
    const random = createSeededRandom(index + 1)
    const audit = (note: Refused) => void audited.push(note)
    const gateway = await openGateway({ ...base, random, bus, audit })
    const sequencer = await startSequencer(base)
    const bridge = await startEngineBridge(base)
    const access = {
      redeem: async (ticket: string) => {
        if (!tickets.has(ticket)) throw new FaultlineError('unauthorized', 'The ticket was used.')
        const principal = tickets.get(ticket)
        tickets.delete(ticket)
        return { principal, project: 'default' }
      },
      watch(principal: Principal | undefined, onChange: (now: Principal | null) => void) {
        const id = principal?.id ?? ''
        watchers.set(id, [...(watchers.get(id) ?? []), onChange])
        return () => undefined
      },
    }
    const app = buildApp({ ...test.deps, collab: { gateway, access } })
    await app.ready()
    return {
      app,
      gateway,
      audited,
      revise: (id, now) => watchers.get(id)?.forEach((watcher) => watcher(now)),
      async stop() {
        await bridge.close()
        await sequencer.close()
        await gateway.close()
        await app.close()
      },
    }
  }
  const all = await Promise.all(Array.from({ length: count }, (_, index) => open(index)))
  await appendIncident(test, { incident_id: 'inc-1', detail: '{"timeline":[]}' })
  for (const { gateway } of all)
    await until(() => gateway.rooms.book.room('inc-1') !== undefined, 'the room')
  let made = 0
  return {
    test,
    all,
    async connect({ app }, who) {
      const ticket = `t${(made += 1)}`
      tickets.set(ticket, who)
      const headers = { 'sec-websocket-protocol': `${SUBPROTOCOL}, ${TICKET_PREFIX}${ticket}` }
      return openSocket(app, headers)
    },
    openAnother: () => open(count + 1),
    async close() {
      for (const each of all) await each.stop()
      await test.close()
    },
  }
}

let sockets = 0

export class TestSocket {
  readonly messages: ServerMessage[] = []
  closed: number | undefined
  readonly #socket: WebSocket
  /** A name of its own: ids of commands are for ever. */
  readonly #name = `tab${(sockets += 1)}`
  #count = 0

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) =>
      this.messages.push(JSON.parse(data.toString()) as ServerMessage),
    )
    socket.on('close', (code: number) => void (this.closed = code))
  }

  say(message: object | string): void {
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  async hello(lastSeq = 0, incidentId = 'inc-1'): Promise<ServerMessage> {
    this.say({ type: 'hello', incidentId, lastSeq, clientId: this.#name })
    return this.next('welcome')
  }

  cmd(kind: string, payload: object, more: object = {}): string {
    const cmdId = `${this.#name}:${(this.#count += 1)}`
    this.say({ type: 'cmd', cmdId, kind, payload, ...more })
    return cmdId
  }

  /** What came back for a command. */
  answer(cmdId: string): Promise<ServerMessage> {
    return this.find(
      (message) =>
        (message.type === 'event' || message.type === 'reject') && message.cmdId === cmdId,
    )
  }

  async do(kind: string, payload: object, more: object = {}): Promise<ServerMessage> {
    return this.answer(this.cmd(kind, payload, more))
  }

  next(type: ServerMessage['type']): Promise<ServerMessage> {
    return this.find((message) => message.type === type)
  }

  async find(isWanted: (message: ServerMessage) => boolean): Promise<ServerMessage> {
    let found: ServerMessage | undefined
    await until(() => (found = this.messages.find(isWanted)) !== undefined, 'a message')
    return found!
  }

  events(): RoomEvent[] {
    return this.messages.flatMap((message) => (message.type === 'event' ? [message] : []))
  }

  close(): void {
    this.#socket.terminate()
  }
}

export async function openSocket(
  app: TestApp['app'],
  headers: Record<string, string>,
): Promise<TestSocket> {
  let made: TestSocket | undefined
  await app.injectWS(
    '/ws',
    { headers: { host: 'localhost', ...headers } },
    {
      onInit: (socket) => void (made = new TestSocket(socket)),
    },
  )
  return made!
}

export async function until(isSo: () => boolean, what: string, msMax = 5_000): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  while (!isSo()) {
    if (systemClock.monotonicMs() - startedMs > msMax) throw new Error(`waited in vain for ${what}`)
    await systemClock.sleep(5)
  }
}
