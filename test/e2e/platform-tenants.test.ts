import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { SUBPROTOCOL, TICKET_PREFIX } from '#/schemas/collab/protocol.ts'
import { findChromium, launchChromium } from './chromium.ts'
import { hasChromium, seriousViolations } from './dashboard-fixture.ts'
import { openStream } from './streams.ts'
import { startPlatform } from './platform.ts'
import type { RunningPlatform } from './platform.ts'
import { waitFor } from './processes.ts'
import { eventsOf, questionsOf, statementsOf, type Names, type Question } from './tenants.ts'

/** People, two projects and everything that must stay apart, on the real platform. */
let platform: RunningPlatform
let owner = ''
/** Somebody who sees the project alpha alone, in two roles. */
let ada = ''
let viewer = ''
let viewerId = ''
let names: Names = {}
let description: unknown

const BRAVO = 'zqbravo'
const PASSWORD = 'three blue words'
const AT_ONCE = 4
const TABLES = [
  'events',
  'events_10s',
  'events_1m',
  'events_1h',
  'issues',
  'incidents',
  'incident_events',
  'detections',
  'deploys',
  'insights',
  'actions',
  'dead_letters',
]

interface Answer {
  status: number
  text: string
  body: Record<string, unknown>
}

async function ask(
  method: string,
  path: string,
  wish: { bearer?: string; body?: object } = {},
): Promise<Answer> {
  const response = await fetch(new URL(path, platform.url), {
    method,
    headers: {
      ...(wish.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(wish.bearer === undefined ? {} : { authorization: `Bearer ${wish.bearer}` }),
    },
    ...(wish.body === undefined ? {} : { body: JSON.stringify(wish.body) }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, text, body: isJson ? (JSON.parse(text) as Answer['body']) : {} }
}

async function person(
  role: string,
  projects: readonly string[],
): Promise<{ bearer: string; id: string }> {
  const invited = await ask('POST', '/api/invitations', { bearer: owner, body: { role, projects } })
  const { token } = invited.body as { token: string }
  const email = `${role}@example.org`
  const body = { invitation: token, email, name: role, password: PASSWORD }
  const made = await ask('POST', '/api/auth/register', { body })
  const { user, access_token } = made.body as { user: { id: string }; access_token: string }
  return { bearer: access_token, id: user.id.slice('user:'.length) }
}

async function keyOf(project: string): Promise<string> {
  const body = { project, scopes: ['ingest'] }
  const made = await ask('POST', '/api/operator/keys', { bearer: owner, body })
  return (made.body as { key: string }).key
}

const listOf = async (path: string): Promise<Record<string, unknown>[]> => {
  const { body } = await ask('GET', path, { bearer: owner })
  return (Array.isArray(body) ? body : (body['items'] ?? [])) as Record<string, unknown>[]
}

beforeAll(async () => {
  platform = await startPlatform({ readyMsMax: 170_000 })
  const setupToken = new URL(platform.setupUrl ?? '').hash.replace('#token=', '')
  const body = { setup_token: setupToken, email: 'owner@example.org', password: PASSWORD }
  owner = String((await ask('POST', '/api/auth/register', { body })).body['access_token'])
  const keys = { alpha: await keyOf('alpha'), bravo: await keyOf('bravo') }
  ;({ bearer: ada } = await person('responder', ['alpha']))
  ;({ bearer: viewer, id: viewerId } = await person('viewer', ['alpha']))
  const nowMs = systemClock.nowMs()
  await platform.post(eventsOf('zqalpha', nowMs), keys.alpha)
  await platform.post(eventsOf(BRAVO, nowMs), keys.bravo)
  for (const project of ['alpha', 'bravo'])
    await waitFor(async () => (await listOf(`/api/incidents?project=${project}`)).length > 0, {
      what: `an incident of ${project}`,
      withinMs: 60_000,
    })
  const [incident] = await listOf('/api/incidents?project=bravo')
  const [issue] = await listOf('/api/issues?project=bravo')
  const [event] = await listOf('/api/events?project=bravo')
  names = {
    id: [String(incident?.['id']), String(incident?.['number'])],
    eventId: [String(event?.['event_id']), `${BRAVO}-0-1`],
    fingerprint: [String(issue?.['fingerprint'])],
    name: [`${BRAVO}-shop`],
  }
  description = (await ask('GET', '/openapi.json')).body
}, 300_000)
afterAll(() => platform[Symbol.asyncDispose]())

/** Which answers hold something of bravo beyond what was asked with. */
async function leaks(
  bearer: string,
  options: { perPath: number; extra: string },
): Promise<string[]> {
  const words = [BRAVO, 'bravo', ...Object.values(names).flat()]
  const questions = questionsOf(description, { names, words, seed: 7, perPath: options.perPath })
  const found = new Set<string>()
  const look = async ({ method, path }: Question): Promise<void> => {
    const url = `${path}${path.includes('?') ? '&' : '?'}${options.extra}`
    const { text, status } = await ask(method, url, { bearer })
    expect(status, url).not.toBe(500)
    // Problems may repeat what they were asked for; nothing else may.
    const own =
      status >= 400
        ? words.reduce((rest, word) => rest.replaceAll(word, ''), text)
        : withoutEcho(text, path)
    if (own.includes(BRAVO)) found.add(path.split('?')[0] ?? '')
  }
  for (let at = 0; at < questions.length; at += AT_ONCE)
    await Promise.all(questions.slice(at, at + AT_ONCE).map(look))
  return [...found]
}

/** Some answers repeat their filters; the value stands alone there, without the rest of a name. */
function withoutEcho(text: string, path: string): string {
  const asked = [...new URL(path, 'http://x').searchParams.values()]
  return asked.reduce((rest, value) => rest.replaceAll(JSON.stringify(value), ''), text)
}

describe('two projects', () => {
  it('[H6] no address answers a person of alpha with anything of bravo', async () => {
    expect(await leaks(ada, { perPath: 2, extra: '' })).toEqual([])
    const named = await ask('GET', '/api/events?project=bravo', { bearer: ada })
    expect(named).toMatchObject({ status: 403, body: { code: 'forbidden', path: 'project' } })
  })

  it('[H6] the same questions find bravo where the filter is bravo’s (negative control)', async () => {
    const found = await leaks(owner, { perPath: 1, extra: 'project=bravo' })
    expect(found.length).toBeGreaterThan(9)
    for (const path of [
      '/api/events',
      '/api/incidents',
      '/api/issues',
      '/api/services',
      '/api/search',
    ])
      expect(found).toContain(path)
  })

  it('[H6] no statement shows more than the rows of the project', async () => {
    const run = async (sql: string, project: string, bearer: string) =>
      ask('POST', `/api/sql?project=${project}`, { bearer, body: { sql } })
    let answered = 0
    for (const sql of statementsOf(TABLES, 'bravo', BRAVO)) {
      const { text, status } = await run(sql, 'alpha', ada)
      const own = text.replaceAll(JSON.stringify(sql).slice(1, -1), '')
      if (status === 200) answered += 1
      expect(status >= 400 ? '' : own, sql).not.toContain(BRAVO)
    }
    expect(answered).toBeGreaterThan(15)
    const control = await run('SELECT groupUniqArray(service) FROM events', 'bravo', owner)
    expect(control.text).toContain(BRAVO)
    expect((await run('SELECT 1', 'bravo', ada)).status).toBe(403)
  })

  it('[H6] live streams and sockets carry one project, and [H10] end when the person is disabled', async () => {
    const headers = { authorization: `Bearer ${viewer}` }
    const open = (path: string) =>
      openStream(new URL(path, platform.url), { nowMs: () => systemClock.monotonicMs(), headers })
    await using messages = await open('/api/stream')
    await using frames = await open('/api/stream/frames')
    const socket = await openSocket(viewer)
    socket.send({ type: 'subscribe', channels: ['all'] })
    socket.send({ type: 'hello', incidentId: names['id']?.[0] ?? '', lastSeq: 0, clientId: 'c' })
    await platform.post(eventsOf('zqalpha', systemClock.nowMs(), 1), await keyOf('alpha'))
    await platform.post(eventsOf(BRAVO, systemClock.nowMs(), 1), await keyOf('bravo'))
    const seen = (): string => JSON.stringify([messages.messages, frames.messages, socket.received])
    const all = (text: string): boolean =>
      [messages.messages, frames.messages, socket.received].every((one) =>
        JSON.stringify(one).includes(text),
      )
    await waitFor(() => all('zqalpha'), { what: 'alpha on every stream' })
    await systemClock.sleep(500)
    expect(seen()).not.toContain(BRAVO)
    const disabledMs = systemClock.monotonicMs()
    const body = { disabled: true }
    await ask('POST', `/api/users/${viewerId}`, { bearer: owner, body })
    await waitFor(() => socket.closedWith() === 4401, {
      what: 'the socket to close',
      withinMs: 5_000,
    })
    await waitFor(
      async () => (await ask('GET', '/api/incidents', { bearer: viewer })).status === 401,
      {
        what: 'reads to end',
        withinMs: 5_000,
      },
    )
    expect(systemClock.monotonicMs() - disabledMs).toBeLessThan(5_000)
    const count = messages.messages.length
    await platform.post(eventsOf('zqalpha', systemClock.nowMs(), 2), await keyOf('alpha'))
    await systemClock.sleep(500)
    expect(messages.messages.length).toBe(count)
  })
})

describe.skipIf(!hasChromium)('the pages', () => {
  it('[H1] sign in, make a key that is shown once, invite, sign out, with nothing for axe to find', async () => {
    const browser = await launchChromium((await findChromium()) ?? '')
    const found: string[] = []
    try {
      const page = await browser.newPage()
      const look = async (name: string): Promise<void> => {
        for (const theme of ['light', 'dark']) {
          await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`)
          found.push(
            ...(await seriousViolations(page, 'any')).map((one) => `${name} ${theme}: ${one}`),
          )
        }
      }
      await page.goto(`${platform.url}/incidents`)
      expect(new URL(page.url()).pathname).toBe('/login')
      await look('login')
      await page.getByLabel('E-mail').fill('owner@example.org')
      await page.getByLabel('Password').fill('wrong wrong')
      await page.keyboard.press('Enter')
      await page.getByText('do not belong together').waitFor()
      await page.getByLabel('Password').fill(PASSWORD)
      await page.keyboard.press('Enter')
      await page.waitForURL('**/incidents')
      await page.getByRole('link', { name: 'Settings' }).click()
      await page.getByRole('heading', { name: 'People' }).waitFor()
      await look('settings')
      await page.getByLabel('What for').fill('ci')
      await page.getByRole('button', { name: 'Create key' }).click()
      const key = (await page.locator('[data-key]').textContent()) ?? ''
      expect(key).toMatch(/^fl_[0-9a-f]{12}_[0-9a-f]{64}$/)
      await page.getByRole('button', { name: 'Make a link' }).click()
      const link = (await page.locator('[data-link]').textContent()) ?? ''
      await page.reload()
      expect(await page.content()).not.toContain(key)
      await page.locator('html[data-live]').waitFor()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.waitForURL('**/login')
      await page.goto(link)
      await page.getByRole('heading', { name: 'Make your account' }).waitFor()
      // The page takes the secret out of its address once it runs.
      await page.waitForURL((url) => !url.href.includes('invitation'))
      await look('setup')
      await page.getByLabel('E-mail').fill('bob@example.org')
      await page.getByLabel('Password').fill(PASSWORD)
      await page.keyboard.press('Enter')
      await page.waitForURL(`${platform.url}/`)
      await page.goto(`${platform.url}/settings`)
      await page.getByText('a responder').waitFor()
      expect(await page.getByRole('heading', { name: 'People' }).count()).toBe(0)
    } finally {
      await browser.close()
    }
    expect(found).toEqual([])
  })
})

describe('the trail', () => {
  it('[H4] what a viewer tries over a socket is refused and audited; [H7] the command verifies all of it', async () => {
    await ask('POST', `/api/users/${viewerId}`, { bearer: owner, body: { disabled: false } })
    const login = { email: 'viewer@example.org', password: PASSWORD }
    const again = await ask('POST', '/api/auth/login', { body: login })
    const socket = await openSocket(String(again.body['access_token']))
    const [incident] = await listOf('/api/incidents?project=alpha')
    const incidentId = String(incident?.['id'])
    socket.send({ type: 'hello', incidentId, lastSeq: 0, clientId: 'c' })
    socket.send({
      type: 'cmd',
      cmdId: 'c:1',
      kind: 'status_change',
      payload: { status: 'resolved' },
    })
    await waitFor(() => socket.received.some((text) => text.includes('"reject"')), {
      what: 'a reject',
    })
    expect(socket.received.find((text) => text.includes('"reject"'))).toContain('forbidden')
    socket.close()
    const refused = async () =>
      (await listOf('/api/audit?limit=500')).find(
        ({ action, target }) => action === 'command' && target === `incident:${incidentId}`,
      )
    await waitFor(async () => (await refused()) !== undefined, { what: 'the refusal in the trail' })
    expect(await refused()).toMatchObject({ actor: `user:${viewerId}`, result: 'denied' })
    const { code, stdout } = await platform.command(['audit', 'verify'])
    expect(stdout).toContain('all of them as they were written')
    expect(code).toBe(0)
  })
})

interface OpenSocket {
  received: readonly string[]
  send(message: object): void
  closedWith(): number | undefined
  close(): void
}

async function openSocket(bearer: string): Promise<OpenSocket> {
  const { body } = await ask('POST', '/api/ws-ticket', { bearer })
  const url = new URL('/ws', platform.url.replace('http', 'ws'))
  const socket = new WebSocket(url, [SUBPROTOCOL, `${TICKET_PREFIX}${String(body['ticket'])}`])
  const received: string[] = []
  let closed: number | undefined
  socket.addEventListener('message', ({ data }) => received.push(String(data)))
  socket.addEventListener('close', ({ code }) => (closed = code))
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  return {
    received,
    send: (message) => socket.send(JSON.stringify(message)),
    closedWith: () => closed,
    close: () => socket.close(),
  }
}
