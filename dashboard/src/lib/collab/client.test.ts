import { describe, expect, it } from 'vitest'
import { apply, decide, emptyRoom, hashRoom, viewOf } from '#lib/contract.ts'
import type { Actor, Command, RoomEvent, RoomState, ServerMessage } from '#lib/contract.ts'
import { createRoom } from '#lib/collab/client.ts'
import type { PendingStore, Room, Socket } from '#lib/collab/client.ts'
import { ConnectRefused } from '#lib/collab/link.ts'
import { noticeSentence } from '#lib/collab/words.ts'

const ANN: Actor = { id: 'user:ann', name: 'Ann', role: 'responder' }
const BEN: Actor = { id: 'user:ben', name: 'Ben', role: 'responder' }
const ENGINE: Actor = { id: 'engine', name: 'Faultline', role: 'system' }
const OPENED = {
  step: { seq: 1, kind: 'opened', at: 1, sentence: '' },
  status: 'open',
  level: 3,
  title: 'checkout fails',
  number: 1,
  services: [],
  redirectTo: '',
  recordedAt: 1,
}

/** Time that moves when told to. */
class TestClock {
  now = 1_000
  #timers: { at: number; run: () => void }[] = []
  nowMs = () => this.now
  setTimer = (run: () => void, delayMs: number) => {
    const timer = { at: this.now + delayMs, run }
    this.#timers.push(timer)
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer))
  }
  async advance(ms: number): Promise<void> {
    const end = this.now + ms
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.now = Math.max(this.now, due.at)
      this.#timers = this.#timers.filter((other) => other !== due)
      due.run()
      await settle()
    }
    this.now = end
    await settle()
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

/** The real rules behind a socket that can be cut, silent or slow. */
class TestServer {
  state: RoomState = emptyRoom('inc-1')
  events: RoomEvent[] = []
  sockets: Socket[] = []
  received: string[] = []
  isUp = true
  /** Answers wait here while it is true. */
  isSlow = false
  #held: (() => void)[] = []
  #decided = new Map<string, ServerMessage>()

  constructor() {
    this.decide({ cmdId: 'engine:1', kind: 'engine', payload: OPENED, actor: ENGINE, at: 5 })
  }

  connect = async (): Promise<Socket> => {
    if (!this.isUp) throw new Error('no network')
    const socket: Socket = {
      send: (text) => void (this.isUp && this.sockets.includes(socket) && this.#hear(socket, text)),
      close: () => void (this.sockets = this.sockets.filter((other) => other !== socket)),
      heard: null,
      ended: null,
    }
    this.sockets.push(socket)
    return socket
  }

  cut(code = 1006): void {
    for (const socket of this.sockets.splice(0)) socket.ended?.(code, '')
  }

  release(): void {
    this.isSlow = false
    for (const say of this.#held.splice(0)) say()
  }

  say(message: ServerMessage): void {
    const text = JSON.stringify(message)
    for (const socket of this.sockets) socket.heard?.(text)
  }

  decide(command: Command): ServerMessage {
    const name = `${command.actor.id} ${command.cmdId}`
    const known = this.#decided.get(name)
    if (known !== undefined) return known
    const decision = decide(this.state, command)
    let answer: ServerMessage
    if (decision.ok) {
      this.state = apply(this.state, decision.event)
      this.events.push(decision.event)
      answer = { type: 'event', ...decision.event }
    } else answer = { type: 'reject', ...decision.rejection }
    this.#decided.set(name, answer)
    return answer
  }

  by(actor: Actor, kind: Command['kind'], payload: object, more: Partial<Command> = {}): void {
    const cmdId = `o:${this.events.length}`
    this.say(this.decide({ cmdId, kind, payload, actor, at: 5, ...more } as Command))
  }

  #hear(socket: Socket, text: string): void {
    this.received.push(text)
    const message = JSON.parse(text) as { type: string; lastSeq: number } & Command
    if (message.type === 'hello') {
      const events = this.events.slice(message.lastSeq)
      const welcome = {
        type: 'welcome',
        version: 1,
        incidentId: 'inc-1',
        seq: this.state.seq,
        events,
        you: ANN,
        now: 1_000,
      }
      socket.heard?.(JSON.stringify(welcome))
    } else if (message.type === 'cmd') {
      const answer = this.decide({ ...message, actor: ANN, at: 5 })
      if (this.isSlow) this.#held.push(() => this.say(answer))
      else this.say(answer)
    }
  }
}

async function open(
  store?: PendingStore,
): Promise<{ server: TestServer; clock: TestClock; room: Room }> {
  const server = new TestServer()
  const clock = new TestClock()
  const room = createRoom({
    incidentId: 'inc-1',
    connect: server.connect,
    clock,
    random: () => 0.5,
    ...(store === undefined ? {} : { store }),
  })
  await settle()
  room.send('join', {})
  server.by(BEN, 'join', {})
  return { server, clock, room }
}

const card = (id: string) => ({ id, kind: 'hypothesis', title: `Card ${id}` }) as const
const titles = (state: RoomState): string[] => viewOf(state).cards.map(({ title }) => title)

describe('a room in a tab', () => {
  it('shows what the log holds, and who is there', async () => {
    const { server, room } = await open()
    expect(room.status).toBe('live')
    server.say({ type: 'presence', full: [{ ...ANN, role: 'responder', focus: null, tabs: 1 }] })
    const ben = { id: BEN.id, name: 'Ben', role: 'viewer', focus: null, tabs: 2 } as const
    server.say({ type: 'presence', delta: { set: [ben], gone: [] } })
    expect(room.people.map(({ name, tabs }) => `${name} ${tabs}`)).toEqual(['Ann 1', 'Ben 2'])
    server.say({ type: 'presence', delta: { set: [], gone: [ANN.id] } })
    expect(room.people).toEqual([ben])
    expect(hashRoom(room.confirmed)).toBe(hashRoom(server.state))
  })

  it('[G5] the author sees an edit at once; what is confirmed waits for the log', async () => {
    const { server, room } = await open()
    server.isSlow = true
    room.send('card_create', card('h1'))
    expect(titles(room.shown)).toEqual(['Card h1'])
    expect(titles(room.confirmed)).toEqual([])
    expect(room.pending).toHaveLength(1)
    server.release()
    expect(titles(room.confirmed)).toEqual(['Card h1'])
    expect(room.pending).toEqual([])
  })

  it('[G5] a rejected edit is rolled back with the reason', async () => {
    const { server, room } = await open()
    server.isSlow = true
    // Somebody else takes the id while ours is on its way.
    server.decide({
      cmdId: 'o:x',
      kind: 'card_create',
      payload: { ...card('h1'), title: 'Theirs' },
      actor: BEN,
      at: 5,
    })
    room.send('card_create', card('h1'))
    expect(titles(room.shown)).toEqual(['Card h1'])
    server.say({ type: 'event', ...server.events.at(-1)! })
    server.release()
    expect(titles(room.shown)).toEqual(['Theirs'])
    expect(room.notices).toMatchObject([
      { kind: 'rejected', rejection: { code: 'conflict', by: { name: 'Ben' } } },
    ])
    room.dismiss(room.notices[0]!)
    expect(room.notices).toEqual([])
  })

  it('[G5] a status is asked for, never shown before it is decided', async () => {
    const { server, room } = await open()
    server.isSlow = true
    room.send('status_change', { status: 'resolved' })
    expect(viewOf(room.shown).status).toBe('open')
    expect(room.pending).toMatchObject([{ kind: 'status_change', expect: { field: 'status' } }])
    server.release()
    expect(viewOf(room.shown).status).toBe('resolved')
  })

  it('[G5] what the room decided and the engine would not do is told to whoever decided it', async () => {
    const { server, room } = await open()
    const sent = room.send('merge_into', { into: 'inc-2' })
    const refuse = (cmdId: string, id: string): void => {
      const payload = { cmdId, kind: 'merge', by: 'Ann', reason: 'incident #2 is resolved' }
      server.decide({ cmdId: id, kind: 'refused', payload, actor: ENGINE, at: 9 })
      server.say({ type: 'event', ...server.events.at(-1)! })
    }
    refuse('another:1', 'refused:another:1')
    expect(room.notices).toEqual([])
    refuse(sent.ok ? sent.cmdId : '', 'refused:mine')
    expect(room.notices).toMatchObject([{ kind: 'undone' }])
    expect(noticeSentence(room.notices[0]!, viewOf(room.shown))).toBe(
      'Faultline did not do what Ann decided (merge): incident #2 is resolved.',
    )
  })

  it('[G6] of two status changes the loser hears from whom; of two texts, who wrote over it', async () => {
    const { server, room } = await open()
    server.isSlow = true
    room.send('card_create', card('h1'))
    room.send('status_change', { status: 'resolved' })
    server.release()
    const rev = room.confirmed.root['status']!.rev
    server.by(BEN, 'status_change', { status: 'open' }, { expect: { field: 'status', rev } })
    const late = room.send('status_change', { status: 'open' }, rev)
    expect(late).toMatchObject({ ok: false, rejection: { code: 'conflict', by: { name: 'Ben' } } })
    const base = room.confirmed.seq
    room.send('card_edit', { id: 'h1', text: 'mine' })
    server.by(BEN, 'card_edit', { id: 'h1', text: 'theirs' }, { base })
    expect(room.notices).toMatchObject([
      { kind: 'overwritten', path: 'cards/h1/text', by: { name: 'Ben' } },
    ])
    server.by(BEN, 'card_edit', { id: 'h1', text: 'again' }, { base: room.confirmed.seq })
    expect(room.notices).toHaveLength(1)
  })

  it('[G8] offline for 30 s with five edits: kept, sent again under the same ids, applied or explained', async () => {
    const { server, clock, room } = await open()
    room.send('card_create', card('h1'))
    const cmdIds: string[] = []
    server.isUp = false
    server.cut()
    expect(room.status).toBe('offline')
    for (const [kind, payload] of [
      ['card_edit', { id: 'h1', title: 'Edited offline' }],
      ['note', { id: 'n1', text: 'written offline' }],
      ['card_move', { id: 'h1', x: 3, y: 4 }],
      ['card_create', card('h2')],
      ['card_confirm', { id: 'h1' }],
    ] as const) {
      const sent = room.send<typeof kind>(kind, payload)
      if (sent.ok) cmdIds.push(sent.cmdId)
    }
    expect(cmdIds).toHaveLength(5)
    expect(titles(room.shown)).toEqual(['Edited offline', 'Card h2'])
    // Meanwhile somebody invalidates the card that was confirmed offline.
    server.by(BEN, 'card_invalidate', { id: 'h1', reason: 'flat' })
    await clock.advance(30_000)
    expect(room.status).toBe('offline')
    server.isUp = true
    await clock.advance(31_000)
    expect(room.status).toBe('live')
    expect(room.pending).toEqual([])
    expect(server.events.slice(-4).map(({ cmdId }) => cmdId)).toEqual(cmdIds.slice(0, 4))
    expect(room.notices).toMatchObject([
      { kind: 'rejected', rejection: { code: 'transition', by: { name: 'Ben' } } },
    ])
    expect(hashRoom(room.confirmed)).toBe(hashRoom(server.state))
  })

  it('[G8] an answer lost with the connection is not asked for twice', async () => {
    const { server, clock, room } = await open()
    server.isSlow = true
    room.send('note', { id: 'n1', text: 'once' })
    server.cut()
    server.isSlow = false
    await clock.advance(1_000)
    expect(room.pending).toEqual([])
    expect(server.events.filter(({ kind }) => kind === 'note')).toHaveLength(1)
  })

  it('[G8] a reload keeps what was not answered', async () => {
    let saved: ReturnType<PendingStore['load']> = []
    const store: PendingStore = { load: () => saved, save: (pending) => void (saved = pending) }
    const { server, clock, room } = await open(store)
    server.isUp = false
    server.cut()
    room.send('note', { id: 'n1', text: 'kept' })
    room.close()
    server.isUp = true
    const again = createRoom({
      incidentId: 'inc-1',
      connect: server.connect,
      clock,
      random: () => 0.7,
      store,
    })
    await settle()
    expect(viewOf(again.confirmed).notes).toMatchObject([{ text: 'kept' }])
    expect(saved).toEqual([])
  })

  it('too fast is not refused: the same command goes again', async () => {
    const { server, clock, room } = await open()
    server.isUp = false
    const sent = room.send('note', { id: 'n1', text: 'x' })
    server.isUp = true
    const cmdId = sent.ok ? sent.cmdId : ''
    server.say({ type: 'reject', cmdId, code: 'rate', reason: 'slow down' })
    expect(room.pending).toHaveLength(1)
    await clock.advance(2_000)
    expect(room.pending).toEqual([])
    expect(room.notices).toEqual([])
  })

  it('a gap, a dead line and a closed socket lead back, with backoff between half a second and thirty', async () => {
    const { server, clock, room } = await open()
    server.decide({
      cmdId: 'o:gap',
      kind: 'rename',
      payload: { title: 'missed' },
      actor: BEN,
      at: 5,
    })
    server.by(BEN, 'rename', { title: 'seen' })
    expect(room.status).toBe('offline')
    await clock.advance(600)
    expect(viewOf(room.confirmed).title).toBe('seen')
    // The server says nothing more: pings go unanswered.
    await clock.advance(26_000)
    expect(server.received.filter((text) => text === '{"type":"ping"}').length).toBeGreaterThan(0)
    server.cut(4410)
    expect(room.reason).toBe('The room is full.')
    await clock.advance(40_000)
    expect(room.status).toBe('live')
  })

  it('what cannot be helped by trying again ends it', async () => {
    const { server, clock, room } = await open()
    server.cut(4403)
    expect(room.status).toBe('refused')
    const none = createRoom({
      incidentId: 'inc-1',
      connect: () => Promise.reject(new ConnectRefused('Sign in first.')),
      clock,
      random: () => 0.5,
    })
    await settle()
    expect([none.status, none.reason]).toEqual(['refused', 'Sign in first.'])
  })

  it('[G3] focus is told at most ten times a second, the last one always', async () => {
    const { server, clock, room } = await open()
    server.received = []
    for (let count = 0; count < 50; count += 1)
      room.focus({ section: 'canvas', cardId: `c${count}` })
    await clock.advance(1_000)
    const told = server.received.filter((text) => text.includes('"focus"'))
    expect(told).toHaveLength(2)
    expect(told.at(-1)).toContain('c49')
  })
})
