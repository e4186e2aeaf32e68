import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PostMortem } from '#/schemas/collab/post-mortem.ts'
import { foldTo } from '#/schemas/collab/history.ts'
import { hashRoom } from '#/schemas/collab/state.ts'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import { openGateways, until } from './test-gateways.ts'
import type { TestGateway, TestGateways } from './test-gateways.ts'

let world: TestGateways
let left: TestGateway

beforeAll(async () => {
  world = await openGateways(1)
  ;[left] = world.all as [TestGateway]
})
afterAll(() => world.close())

interface Answer {
  status: number
  headers: Record<string, unknown>
  text: string
  body: Record<string, unknown>
}

async function ask(
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await left.app.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${world.test.adminKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
  const isJson = String(response.headers['content-type']).includes('json')
  return {
    status: response.statusCode,
    headers: response.headers,
    text: response.body,
    body: isJson ? (JSON.parse(response.body) as Record<string, unknown>) : {},
  }
}

async function opened(title = 'Phones are dead'): Promise<string> {
  const { body } = await ask('POST', '/api/incidents', { title, severity: 2 })
  return String(body['id'])
}

const command = (id: string, kind: string, payload: object) =>
  ask('POST', `/api/incidents/${id}/commands`, { kind, payload })

describe('incidents by HTTP', () => {
  it('[C16] POST opens an incident without telemetry, readable at once', async () => {
    const answer = await ask('POST', '/api/incidents', {
      title: 'Phones are dead',
      severity: 2,
      services: ['phones'],
    })
    expect(answer).toMatchObject({ status: 201, body: { seq: 1 } })
    const read = await ask('GET', `/api/incidents/${String(answer.body['id'])}`)
    expect(read).toMatchObject({
      status: 200,
      headers: { etag: '"1"' },
      body: {
        incident: { title: 'Phones are dead', status: 'open', services: ['phones'] },
        room: { severity: { level: 2, locked: true }, isManual: true },
      },
    })
  })

  it.each([
    [{ severity: 2 }, 'title'],
    [{ title: 'x', severity: 9 }, 'severity'],
    [{ title: 'x', severity: 1, status: 'open' }, 'status'],
  ])('[C16] %j is refused and the field named', async (body, path) => {
    expect(await ask('POST', '/api/incidents', body)).toMatchObject({ status: 400, body: { path } })
  })

  it('[D3] PATCH changes through the log; what changed since the read is a 409 with the current value', async () => {
    const id = await opened()
    const first = await ask('PATCH', `/api/incidents/${id}`, {
      status: 'investigating',
      assignee: { id: 'user:ann', name: 'Ann' },
    })
    expect(first).toMatchObject({
      status: 200,
      body: { applied: ['status_change', 'assignment'], revision: 3 },
      headers: { etag: '"3"' },
    })
    const stale = await ask(
      'PATCH',
      `/api/incidents/${id}`,
      { status: 'resolved' },
      { 'if-match': '"1"' },
    )
    expect(stale).toMatchObject({
      status: 409,
      body: {
        code: 'conflict',
        current: { value: 'investigating', rev: 2 },
        by: { name: 'admin' },
      },
    })
    const fresh = await ask(
      'PATCH',
      `/api/incidents/${id}`,
      { status: 'resolved' },
      { 'if-match': '"3"' },
    )
    expect(fresh.status).toBe(200)
    expect(await ask('PATCH', `/api/incidents/${id}`, { status: 'investigating' })).toMatchObject({
      status: 409,
      body: { code: 'transition', current: { value: 'resolved' } },
    })
    expect(await ask('PATCH', `/api/incidents/${id}`, { colour: 'red' })).toMatchObject({
      status: 400,
      body: { path: 'colour' },
    })
    expect((await ask('PATCH', '/api/incidents/nothing', { status: 'open' })).status).toBe(404)
  })

  it('[D3] a title too: what somebody else wrote since the read is not written over', async () => {
    const id = await opened()
    const path = `/api/incidents/${id}`
    expect((await ask('PATCH', path, { title: 'disks' })).status).toBe(200)
    expect(await ask('PATCH', path, { title: 'phones' }, { 'if-match': '"1"' })).toMatchObject({
      status: 409,
      body: { code: 'conflict', current: { value: 'disks' }, by: { name: 'admin' } },
    })
    const { headers } = await ask('GET', path)
    const etag = String(headers['etag'])
    expect((await ask('PATCH', path, { title: 'both' }, { 'if-match': etag })).status).toBe(200)
    // Without it the later stands, as between two tabs.
    expect((await ask('PATCH', path, { title: 'all' })).status).toBe(200)
  })

  it.each([
    [{ severity: 9 }, 'severity', 'severity must be'],
    [{ status: 'closed' }, 'status', 'status must be one of open'],
    [{ assignee: 'bob' }, 'assignee', 'assignee must be an object'],
    [{ status: 'investigating', assignee: { id: 5 } }, 'assignee.id', 'assignee.id must be'],
  ])(
    '[D3] PATCH %j is refused, names the field as it was sent, and changes nothing',
    async (body, path, detail) => {
      const id = await opened()
      const answer = await ask('PATCH', `/api/incidents/${id}`, body)
      expect(answer).toMatchObject({ status: 400, body: { path, remedy: expect.any(String) } })
      expect(answer.body['detail']).toContain(detail)
      expect(answer.body['detail']).not.toContain('payload')
      expect((await ask('GET', `/api/incidents/${id}`)).headers['etag']).toBe('"1"')
    },
  )

  it('[D2] GET returns the whole history, and folding it gives the room it tells', async () => {
    const id = await opened()
    await command(id, 'card_create', { id: 'h1', kind: 'hypothesis', title: 'the pool' })
    await command(id, 'card_invalidate', { id: 'h1', reason: 'flat' })
    const { body } = await ask('GET', `/api/incidents/${id}`)
    const history = body['history'] as readonly RoomEvent[]
    expect(history.map(({ kind }) => kind)).toEqual(['create', 'card_create', 'card_invalidate'])
    expect(hashRoom(foldTo(id, history))).toBe((body['room'] as { hash: string }).hash)
  })

  it('[F9] [G13] the room at every seq and at every moment is the one recorded live', async () => {
    const id = await opened()
    const recorded: string[] = []
    const record = () => recorded.push(hashRoom(left.gateway.rooms.book.stateOf(id)))
    record()
    // Past two snapshots, and past what is kept at hand.
    for (let count = 0; count < 450; count += 1) {
      await left.gateway.execute(move(id, count))
      record()
    }
    const events = await left.gateway.history(id)
    expect(events.map(({ seq }) => seq)).toEqual(recorded.map((_, index) => index + 1))
    for (const seq of [1, 2, 99, 100, 101, 250, 400, 451]) {
      const { ts } = events[seq - 1]!
      for (const query of [`seq=${seq}`, `at=${ts}`, `at=${ts}&as=true`]) {
        const { body } = await ask('GET', `/api/incidents/${id}/room?${query}`)
        expect([seq, query, body['hash']]).toEqual([seq, query, recorded[seq - 1]])
      }
    }
    const before = await ask('GET', `/api/incidents/${id}/room?at=${events[0]!.ts - 1}`)
    expect(before.body['seq']).toBe(0)
  })

  it('[G18] [N12] since you last looked: exactly what came after a seq, in words', async () => {
    const id = await opened()
    await command(id, 'note', { id: 'n1', text: 'slow disks' })
    await command(id, 'action_item', { id: 'i1', text: 'roll back' })
    const { body } = await ask('GET', `/api/incidents/${id}/room/events?since=1`)
    expect(body).toMatchObject({
      seq: 3,
      items: [
        { seq: 2, sentence: 'admin noted: slow disks.' },
        { seq: 3, sentence: 'admin added an action item: roll back.' },
      ],
    })
    const none = await ask('GET', `/api/incidents/${id}/room/events?since=3`)
    expect(none.body['items']).toEqual([])
  })

  it('[G19] the handoff names what is open, what changed since, and what is left to do', async () => {
    const id = await opened('Billing *slow*')
    await command(id, 'action_item', { id: 'i1', text: 'roll back <b>now</b>' })
    const done = await opened('Mail queue')
    await ask('PATCH', `/api/incidents/${done}`, { status: 'resolved' })
    const { text, headers } = await ask('GET', '/api/handoff?since=-1h')
    expect(headers['content-type']).toContain('text/markdown')
    expect(text).toContain(String.raw`Billing \*slow\*`)
    expect(text.split('## Resolved since')[1]).toContain('Mail queue')
    expect(text.split('## Open action items')[1]).toContain(String.raw`roll back \<b\>now\</b\>`)
    expect((await ask('GET', '/api/handoff?since=sometimes')).status).toBe(400)
  })
})

describe('the post-mortem', () => {
  it('[J5] [G11] has timeline, pins first, cards with the invalidated ones, queries, and open items of a resolved incident', async () => {
    const id = await opened('Checkout <script>alert(1)</script>')
    const source = { kind: 'chart', href: '/services/pay?from=1', query: 'SELECT `a` FROM events' }
    await command(id, 'card_create', { id: 's1', kind: 'symptom', title: 'errors', source })
    await command(id, 'card_create', { id: 'h1', kind: 'hypothesis', title: 'the pool' })
    await command(id, 'card_invalidate', { id: 'h1', reason: 'pool is idle' })
    await command(id, 'card_create', { id: 'f1', kind: 'solution', title: 'restart' })
    await command(id, 'converge', { id: 'f1', chain: ['s1'] })
    await command(id, 'note', { id: 'n1', text: '[click](http://evil.example)' })
    await command(id, 'pin', { ref: 'note:n1' })
    await command(id, 'action_item', { id: 'i1', text: 'alert on pool', due: 1_800_000_000_000 })
    await ask('PATCH', `/api/incidents/${id}`, { status: 'resolved', reason: 'restarted' })
    const { body } = await ask('GET', `/api/incidents/${id}/post-mortem?format=json`)
    const document = body as unknown as PostMortem
    expect(document).toMatchObject({
      status: 'resolved',
      pinned: ['[click](http://evil.example)'],
      solution: { title: 'restart', chain: ['errors'] },
      charts: [{ card: 'errors', href: '/services/pay?from=1', sql: 'SELECT `a` FROM events' }],
      openItems: [{ text: 'alert on pool' }],
    })
    expect(document.cards.find((card) => card.id === 'h1')).toMatchObject({
      reason: 'pool is idle',
    })
    expect(document.timeline.map(({ what }) => what)).toContain(
      'admin set the status to resolved: restarted.',
    )
    const { text } = await ask('GET', `/api/incidents/${id}/post-mortem`)
    expect(text.indexOf('## Pinned')).toBeLessThan(text.indexOf('## Timeline'))
    expect(text.split('## What was ruled out')[1]).toContain('pool is idle')
    expect(text).not.toMatch(/<script>|(?<!\\)\]\(|https?:\/\//)
    expect(text).toContain('```sql\nSELECT `a` FROM events\n```')
    const html = await ask('GET', `/api/incidents/${id}/post-mortem?format=html`)
    expect(html.headers['content-security-policy']).toContain('sandbox')
    expect(html.text).not.toMatch(/<script|<a |<img/)
    expect(html.text).toContain('&lt;script&gt;')
  })
})

let moves = 0
function move(incidentId: string, x: number) {
  const actor = { id: `key:${keyId()}`, name: 'admin', role: 'admin' } as const
  const made = x === 0
  const payload = made ? { id: 'c', kind: 'symptom', title: 'x' } : { id: 'c', x, y: 0 }
  const kind = made ? ('card_create' as const) : ('card_move' as const)
  const cmdId = `moves:${(moves += 1)}`
  return { project: 'default', incidentId, command: { cmdId, kind, payload, actor, at: 1 } }
}

/** The key that opened the incident has joined it by that. */
function keyId(): string {
  const [, room] = [...left.gateway.rooms.book.rooms()].at(-1)!
  return Object.keys(room.state.people)[0]!.replace('key:', '')
}

describe('a process that begins', () => {
  it('[F10] [G13] knows every room again from the log alone', async () => {
    const id = await opened()
    await command(id, 'note', { id: 'n', text: 'kept' })
    const other = await world.openAnother()
    await until(() => other.gateway.rooms.book.stateOf(id).seq === 2, 'the room')
    for (const [incidentId, { state }] of left.gateway.rooms.book.rooms())
      expect(hashRoom(other.gateway.rooms.book.stateOf(incidentId))).toBe(hashRoom(state))
    await other.stop()
  })
})

// Last, because it leaves nothing over for others.
describe('too much', () => {
  it('more changes than a person makes are told to wait', async () => {
    const id = await opened()
    const many = Array.from({ length: 80 }, (_, index) =>
      command(id, 'note', { id: `flood${index}`, text: 'x' }),
    )
    const answers = await Promise.all(many)
    const late = answers.find(({ status }) => status === 429)
    expect(Number(late?.headers['retry-after'])).toBeGreaterThan(0)
  })
})
