import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { CLOSE, SOCKET_LIMITS } from '#/schemas/collab/protocol.ts'
import type { ServerMessage } from '#/schemas/collab/protocol.ts'
import { ENGINE } from '#/schemas/collab/state.ts'
import { STEP } from '#/schemas/collab/test-room.ts'
import type { Principal } from '#/schemas/principal.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { Decider } from './decider.ts'
import { openGateway } from './gateway.ts'
import { Presence } from './presence.ts'

const ANN: Principal = {
  id: 'user:ann',
  name: 'Ann',
  kind: 'user',
  role: 'viewer',
  projects: 'all',
}

async function world() {
  const clock = createManualClock(1_000_000)
  const log = createMemoryLog({ clock })
  const limits = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
  const names = [TOPICS.commands.name, TOPICS.actions.name]
  await log.createTopics(names.map((name) => ({ name, partitions: 1, ...limits })))
  const registry = createMemoryRegistry()
  const schemaIds = await registerAll(registry)
  const random = createSeededRandom(1)
  const gateway = await openGateway({ log, clock, random, schemaIds, registry })
  const command = {
    cmdId: 'engine:1',
    kind: 'engine' as const,
    payload: STEP,
    actor: ENGINE,
    at: 1,
  }
  const project = 'default'
  const action = new Decider().decide({ project, incidentId: 'inc-1', command }, 1)!
  gateway.rooms.take([{ action, offset: 0, timestampMs: 1 }], 0)
  const open = (principal: Principal = ANN, of = project) => {
    const messages: ServerMessage[] = []
    const closed: number[] = []
    const wire = {
      send: (text: string) => void messages.push(JSON.parse(text) as ServerMessage),
      close: (code: number) => void closed.push(code),
    }
    const session = gateway.open({ principal, project: of, wire })
    const say = (message: object) => session.receive(JSON.stringify(message))
    const hello = () => say({ type: 'hello', incidentId: 'inc-1', lastSeq: 0, clientId: 'a' })
    const sees = () =>
      messages.flatMap((message) =>
        message.type === 'presence' && 'delta' in message ? [message.delta] : [],
      )
    return { session, messages, closed, say, hello, sees }
  }
  const close = async (): Promise<void> => {
    const closing = gateway.close()
    await clock.advance(5_000)
    await closing
    await log.close()
  }
  return { clock, open, close }
}

describe('one connection', () => {
  it('[G2] a socket that died is gone within 30 s of its last word, a clean leave at once', async () => {
    const { clock, open, close } = await world()
    const ann = open()
    const ben = open({ ...ANN, id: 'user:ben', name: 'Ben' })
    ann.hello()
    ben.hello()
    await clock.advance(200)
    expect(ann.sees().flatMap(({ set }) => set.map(({ name }) => name))).toContain('Ben')
    for (let second = 0; second < 31; second += 1) {
      ann.say({ type: 'ping' })
      await clock.advance(1_000)
    }
    expect(ben.closed).toEqual([CLOSE.idle])
    expect(ann.closed).toEqual([])
    expect(ann.sees().at(-1)).toMatchObject({ gone: ['user:ben'] })
    const cem = open({ ...ANN, id: 'user:cem', name: 'Cem' })
    cem.hello()
    await clock.advance(200)
    cem.say({ type: 'leave' })
    await clock.advance(200)
    expect(ann.sees().at(-1)).toMatchObject({ gone: ['user:cem'] })
    await close()
  })

  it('[G15] a room takes so many and no more: 4410', async () => {
    const { open, close } = await world()
    const all = Array.from({ length: SOCKET_LIMITS.roomPeople }, () => open())
    for (const each of all) each.hello()
    const late = open()
    late.hello()
    expect(late.closed).toEqual([CLOSE.full])
    expect(all.every(({ closed }) => closed.length === 0)).toBe(true)
    await close()
  })

  it('focus past ten a second is left out, presence is told ten times a second at most', async () => {
    const { clock, open, close } = await world()
    const ann = open()
    ann.hello()
    await clock.advance(200)
    const before = ann.sees().length
    for (let count = 0; count < 50; count += 1) {
      ann.say({ type: 'focus', section: `s${count}` })
      await clock.advance(20)
    }
    await clock.advance(200)
    const told = ann.sees().slice(before)
    expect(told.length).toBeGreaterThan(5)
    expect(told.length).toBeLessThan(13)
    await close()
  })

  it('another project’s incident is not there, and a project that is taken away ends it', async () => {
    const { open, close } = await world()
    const other = open({ ...ANN, projects: ['other'] }, 'other')
    other.hello()
    expect(other.messages).toMatchObject([{ type: 'error', path: 'incidentId' }])
    const ann = open()
    ann.hello()
    ann.session.revise({ ...ANN, projects: ['other'] })
    expect(ann.closed).toEqual([CLOSE.forbidden])
    await close()
  })
})

describe('presence between gateways', () => {
  const person = { id: 'user:ann', name: 'Ann', role: 'viewer' as const }

  it('[G2] one person on two gateways is one avatar with both tabs; a silent gateway takes its people along', () => {
    const presence = new Presence()
    presence.enter('t1', { person, focus: null, focusedAt: 0 })
    const focus = { section: 'canvas' }
    presence.hear('g2', { at: 100, tabs: [{ person, focus, focusedAt: 5 }] })
    expect(presence.people()).toEqual([{ ...person, focus, tabs: 2 }])
    expect(presence.delta()?.set).toHaveLength(1)
    expect(presence.delta()).toBeUndefined()
    presence.forgetSilent(101)
    expect(presence.people()).toEqual([{ ...person, focus: null, tabs: 1 }])
    presence.leave('t1')
    expect(presence.delta()).toEqual({ set: [], gone: ['user:ann'] })
  })
})
