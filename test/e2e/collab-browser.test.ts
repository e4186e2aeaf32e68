/**
 * Two people on one incident of a running platform: real accounts, the real socket, the real log. What they can do in
 * every detail is tried over a made-up API in collab-pages.test.ts.
 */
import type { Browser, BrowserContext, Page, WebSocketRoute } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { systemClock } from '#/kernel/clock.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from './chromium.ts'
import { waitFor } from './processes.ts'
import { startPlatform, type RunningPlatform } from './platform.ts'
import type { IncidentDetail, IncidentRow } from '#/schemas/view.ts'
import { failures, quietPast } from './traffic.ts'

const chromiumPath = await findChromium()
if (chromiumPath === null) process.stderr.write(`\n!! SKIPPED: ${CHROMIUM_REMEDY}\n\n`)

/** On a busy machine a second is not long. */
const soon = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 })

const PASSWORD = 'correct horse battery staple 7'

interface Person {
  name: string
  email: string
}
const ANN: Person = { name: 'Ann Lee', email: 'ann@example.com' }
const BEN: Person = { name: 'Ben Ode', email: 'ben@example.com' }

describe.skipIf(chromiumPath === null)('two people on one incident of a platform', () => {
  let platform: RunningPlatform
  let browser: Browser
  let incident = ''
  const complaints: string[] = []

  async function call<T>(path: string, body: object, token = ''): Promise<T> {
    const response = await fetch(new URL(path, platform.url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
    return JSON.parse(text) as T
  }

  beforeAll(async () => {
    platform = await startPlatform()
    browser = await launchChromium(chromiumPath ?? '')
    const setup_token = readFileSync(join(platform.dataDir, 'setup-token'), 'utf8').trim()
    const first = { ...ANN, password: PASSWORD, setup_token }
    const { access_token: token } = await call<{ access_token: string }>(
      '/api/auth/register',
      first,
    )
    const { token: invitation } = await call<{ token: string }>(
      '/api/invitations',
      { role: 'responder' },
      token,
    )
    await call('/api/auth/register', { ...BEN, password: PASSWORD, invitation })
    const opened = { title: 'checkout is slow', severity: 2, services: ['checkout'] }
    const { id } = await call<{ id: string }>('/api/incidents', opened, token)
    incident = id
    const headers = { authorization: `Bearer ${token}` }
    const path = new URL(`/api/incidents/${id}`, platform.url)
    const isThere = async (): Promise<boolean> => (await fetch(path, { headers })).ok
    await waitFor(isThere, { what: 'the incident', withinMs: 30_000 })
  })
  afterAll(async () => {
    await browser.close()
    await platform.stop()
  })

  async function signedIn(person: Person): Promise<BrowserContext> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const { email } = person
    const answer = await context.request.post(`${platform.url}/api/auth/login`, {
      data: { email, password: PASSWORD, cookie: true },
    })
    expect(answer.status()).toBe(200)
    return context
  }
  async function open(context: BrowserContext, path: string, id = incident): Promise<Page> {
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      // That the network was taken away is what one test does.
      const isExpected = /ERR_INTERNET_DISCONNECTED|WebSocket connection/.test(message.text())
      if (message.type() === 'error' && !isExpected) complaints.push(message.text())
    })
    await page.goto(`${platform.url}/incidents/${id}${path}`)
    await page.locator('[data-who]').waitFor()
    return page
  }
  async function joinRoom(page: Page): Promise<void> {
    const isIn = page.getByRole('button', { name: 'Leave', exact: true })
    await page.getByRole('button', { name: /^(?:Join|Leave)$/ }).waitFor()
    if ((await isIn.count()) === 0)
      await page.getByRole('button', { name: 'Join', exact: true }).click()
    await isIn.waitFor()
  }
  async function addCard(page: Page, kind: string, title: string): Promise<void> {
    await page.getByLabel('Kind of card').selectOption({ label: kind })
    await page.getByLabel('Title of the new card').fill(title)
    await page.getByRole('button', { name: 'Add card' }).click()
  }

  it('[G17] [G3] [G6] [G8] [G13] [G18] [N12] [F9] see each other, decide one after the other, work on offline, go back in time', async () => {
    const [annContext, benContext] = [await signedIn(ANN), await signedIn(BEN)]
    const cable = new Cable()
    await cable.lay(benContext)
    const ann = await open(annContext, '/canvas?view=plane')
    const ben = await open(benContext, '/canvas?view=outline')
    await joinRoom(ann)
    await joinRoom(ben)
    await soon(() => ann.locator('[data-who]').innerText()).toContain('2 people here, 2 joined')

    // Edits and attention of one on the screen of the other.
    await addCard(ann, 'Hypothesis', 'pool exhausted')
    const line = ben.locator('[data-outline]', { hasText: 'pool' })
    await line.waitFor()
    const took: number[] = []
    for (const word of ['one', 'two', 'three', 'four', 'five']) {
      await ann.getByLabel('Title', { exact: true }).fill(`pool, ${word}`)
      const startedMs = systemClock.monotonicMs()
      await ann.getByRole('button', { name: 'Save' }).click()
      await line.filter({ hasText: word }).waitFor()
      took.push(systemClock.monotonicMs() - startedMs)
    }
    const middle = took.toSorted((a, b) => a - b)[2] ?? Infinity
    process.stdout.write(
      `an edit is on the other browser's screen after ${took.map((ms) => ms.toFixed(0)).join(', ')} ms\n`,
    )
    expect(middle).toBeLessThan(1_500)
    await soon(() => ben.locator('.doing').innerText()).toContain('Ann Lee')

    // Two statuses from the same state: one stands, the other one is told by whom.
    const [annIncident, benIncident] = [await open(annContext, ''), await open(benContext, '')]
    const choices = [annIncident, benIncident].map((page) => page.getByLabel('Status'))
    await Promise.all(choices.map((choice) => choice.waitFor()))
    // What was done before this page was there is read from the log.
    await annIncident.locator('#work li', { hasText: 'Ben Ode joined' }).waitFor()
    await Promise.all([
      choices[0]?.selectOption('investigating'),
      choices[1]?.selectOption('resolved'),
    ])
    await soon(
      async () =>
        (await annIncident.locator('[data-notice]').count()) +
        (await benIncident.locator('[data-notice]').count()),
    ).toBe(1)
    const loser =
      (await annIncident.locator('[data-notice]').count()) === 1 ? annIncident : benIncident
    const winner = loser === annIncident ? 'Ben Ode' : 'Ann Lee'
    // By the server, or by the rules of the tab that had heard of it by then.
    expect(await loser.locator('[data-notice]').innerText()).toMatch(
      new RegExp(`${winner} (was there|changed status) first`),
    )
    await soon(
      async () => (await choices[0]?.inputValue()) === (await choices[1]?.inputValue()),
    ).toBe(true)
    await annIncident.close()
    await benIncident.close()

    // Ben loses the network, works on, and comes back while Ann has decided otherwise.
    await line.getByRole('button').click()
    await ben.getByRole('button', { name: 'Confirm' }).waitFor()
    const roomNow = `${platform.url}/api/incidents/${incident}/room`
    const live = (await (await benContext.request.get(roomNow)).json()) as { hash: string }
    const before = systemClock.nowMs()
    await cable.pull()
    await ben.locator('[data-offline]').waitFor({ timeout: 40_000 })
    for (const title of ['a', 'b', 'c']) await addCard(ben, 'Action', `offline ${title}`)
    await line.getByRole('button').click()
    await ben.getByRole('button', { name: 'Confirm' }).click()
    await ben.getByLabel('Text', { exact: true }).fill('written offline')
    await ben.getByRole('button', { name: 'Save' }).click()
    await soon(() => ben.locator('[data-offline]').innerText()).toContain('(5)')
    await ann.getByRole('button', { name: 'Invalidate …' }).click()
    await ann.getByLabel('Why does it not hold?').fill('flat')
    await ann.getByRole('button', { name: 'Invalidate', exact: true }).click()
    await ann.locator('[data-card].invalidated').waitFor()
    cable.plugIn()
    await ben.locator('[data-notice=rejected]').waitFor({ timeout: 40_000 })
    expect(await ben.locator('[data-notice=rejected]').innerText()).toContain(
      'Ann Lee was there first',
    )
    await soon(() => ann.locator('[data-card]').count()).toBe(4)
    await soon(() => ben.locator('[data-offline], [data-sending]').count()).toBe(0)

    // Ann comes back to the incident: exactly what others did since she closed it.
    const again = await open(annContext, '')
    const since = again.locator('[data-since]')
    await since.waitFor()
    expect(await since.innerText()).toMatch(/Since you last looked.*: \d+ changes/)
    expect(await since.innerText()).toContain('Ben Ode')
    expect(await since.innerText()).not.toContain('Ann Lee invalidated')
    await again.close()

    // The slider and the API show the same past; without JavaScript the outline is there.
    const past = (await (await benContext.request.get(`${roomNow}?at=${before}`)).json()) as {
      hash: string
      room: { cards: object; seq: number }
    }
    expect(Object.keys(past.room.cards)).toHaveLength(1)
    expect(past.hash).toBe(live.hash)
    const at = new Date(before).toISOString()
    const late = await open(benContext, `/canvas?view=plane&at=${at}`)
    await late.locator('[data-past]').waitFor()
    await soon(() => late.locator('[data-card]').count()).toBe(1)
    expect(await late.locator('[data-past]').innerText()).toContain('Ann Lee')
    const html = await (
      await benContext.request.get(`${platform.url}/incidents/${incident}/canvas`)
    ).text()
    expect(html).toContain('offline b')
    expect(complaints).toEqual([])
  }, 180_000)

  it('[D8] [G10] merges two incidents from the page, old numbers lead on, and takes both back', async () => {
    const context = await signedIn(ANN)
    const read = async <T>(path: string): Promise<T> =>
      (await (await context.request.get(`${platform.url}${path}`)).json()) as T
    const services = ['orders', 'mailer']
    for (const service of services)
      await platform.post(quietPast({ service, minutes: 80, nowMs: systemClock.nowMs() }))
    for (let wave = 0; wave < 3; wave += 1) {
      await platform.post(
        services.flatMap((service) =>
          failures({ service, count: 60 }).map((event, index) => ({
            ...event,
            error_type: `${service}Error`,
            message: `${service} has no answer`,
            user_id: `${service}-${wave}-${index}`,
          })),
        ),
      )
      await systemClock.sleep(400)
    }
    const rows = await waitFor(
      async () => {
        const { items } = await read<{ items: IncidentRow[] }>('/api/incidents/active')
        const found = services.map((name) => items.find((row) => row.services.includes(name)))
        return found.every((row) => row !== undefined) && found[0] !== found[1] && found
      },
      { what: 'two incidents', withinMs: 60_000 },
    )
    const [older, younger] = rows.toSorted(
      (a, b) => a.opened_at - b.opened_at || a.number - b.number,
    )
    const page = await open(context, '', younger!.id)
    await joinRoom(page)
    await page.locator('h1').click()
    await page.keyboard.press('Shift+M')
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('radio', { name: `#${older!.number}` }).check()
    const preview = await dialog.locator('[data-preview]').innerText()
    expect(preview).toContain(`#${older!.number} stays`)
    expect(preview).toContain('1 part moves')
    expect(preview).toContain(`Links to #${younger!.number} stay good`)
    await dialog.getByRole('button', { name: `Merge into #${older!.number}` }).click()
    await page.locator('[data-asked=merge]').waitFor()
    // The page goes where the incident went.
    await page.waitForURL(`**/incidents/${older!.id}`)
    await page.locator('[data-regrouped]', { hasText: `#${younger!.number} is part of` }).waitFor()

    for (const old of [younger!.id, String(younger!.number)]) {
      const answer = await context.request.get(`${platform.url}/api/incidents/${old}`, {
        maxRedirects: 0,
      })
      expect([answer.status(), answer.headers()['location']]).toEqual([
        308,
        `/api/incidents/${older!.id}`,
      ])
      for (const path of ['', '/canvas']) {
        const shown = await context.request.get(`${platform.url}/incidents/${old}${path}`)
        expect(new URL(shown.url()).pathname).toBe(`/incidents/${older!.id}${path}`)
      }
    }

    await joinRoom(page)
    await page.getByRole('button', { name: 'Split it off again …' }).click()
    const split = page.getByRole('dialog')
    await split.locator('[data-preview]').waitFor()
    expect(await split.getByRole('checkbox', { checked: true }).count()).toBe(1)
    expect(await split.locator('[data-preview]').innerText()).toContain('1 part moves')
    await split.getByRole('checkbox', { checked: false }).check()
    expect(await split.locator('[data-preview]').innerText()).toContain('one part stays')
    expect(await split.getByRole('button', { name: 'Split' }).isDisabled()).toBe(true)
    await split.getByRole('checkbox').first().uncheck()
    await split.getByRole('button', { name: 'Split' }).click()
    const moved = page.locator('[data-regrouped]', { hasText: 'moved to' })
    await moved.waitFor({ timeout: 30_000 })
    const path = (await moved.getByRole('link').getAttribute('href')) ?? ''
    // The store hears of the new incident with its next batch.
    const apart = await waitFor(
      async () => {
        const answer = await context.request.get(`${platform.url}/api${path}`)
        return answer.ok() && ((await answer.json()) as IncidentDetail)
      },
      { what: 'the incident that was split off', withinMs: 30_000 },
    )
    expect(apart.incident.number).toBeGreaterThan(younger!.number)
    expect(apart.incident.members).toHaveLength(1)

    await page.getByRole('button', { name: 'Merge it back' }).click()
    const isBack = async (): Promise<boolean> =>
      (await read<IncidentDetail>(`/api${path}`)).incident.id === older!.id
    await waitFor(isBack, { what: 'one incident again', withinMs: 30_000 })
    await page.locator('[data-asked]').waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
  }, 180_000)
})

/** The cable between a browser and the platform: its sockets go through it, and it can be pulled. */
class Cable {
  #isPulled = false
  #open: WebSocketRoute[] = []

  async lay(context: BrowserContext): Promise<void> {
    await context.route('**/api/ws-ticket', (route) =>
      this.#isPulled ? route.abort('internetdisconnected') : route.continue(),
    )
    await context.routeWebSocket('**/ws', (socket) => {
      socket.connectToServer()
      this.#open.push(socket)
    })
  }

  /**
   * Only the page's end is closed, and the other one follows by itself: what the page said before still has a socket
   * to go to. Closed together, Playwright writes it into a closed one and the browser complains of that.
   */
  async pull(): Promise<void> {
    this.#isPulled = true
    await Promise.all(this.#open.splice(0).map((socket) => socket.close({ code: 3001 })))
  }

  plugIn(): void {
    this.#isPulled = false
  }
}
