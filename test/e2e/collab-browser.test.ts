/**
 * Two people on one incident of a running platform: real accounts, the real socket, the real log. What they can do in
 * every detail is tried over a made-up API in collab-pages.test.ts.
 */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { systemClock } from '#/kernel/clock.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from './chromium.ts'
import { waitFor } from './processes.ts'
import { startPlatform, type RunningPlatform } from './platform.ts'
import type { IncidentDetail, IncidentRow } from '#/schemas/view.ts'
import { Cable } from './cable.ts'
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
/** An error that only this service has, by other people with every wave. */
const ownFailures = (wish: { service: string; count: number; wave: number }): object[] =>
  failures(wish).map((event, index) => ({
    ...event,
    error_type: `${wish.service}Error`,
    message: `${wish.service} has no answer`,
    user_id: `${wish.service}-${wish.wave}-${index}`,
  }))
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
  async function readJson<T>(context: BrowserContext, path: string): Promise<T> {
    return (await (await context.request.get(`${platform.url}${path}`)).json()) as T
  }
  /** Each service fails in its own way, and gets an incident of its own. */
  async function outages(
    context: BrowserContext,
    services: readonly string[],
  ): Promise<readonly IncidentRow[]> {
    for (const service of services)
      await platform.post(quietPast({ service, minutes: 80, nowMs: systemClock.nowMs() }))
    for (let wave = 0; wave < 3; wave += 1) {
      await platform.post(services.flatMap((service) => ownFailures({ service, count: 60, wave })))
      await systemClock.sleep(400)
    }
    return waitFor(
      async () => {
        const { items } = await readJson<{ items: IncidentRow[] }>(context, '/api/incidents/active')
        const found = services.map((name) => items.find((row) => row.services.includes(name)))
        const isEach = new Set(found).size === services.length
        return found.every((row) => row !== undefined) && isEach && found
      },
      { what: `incidents of ${services.join(' and ')}`, withinMs: 60_000 },
    )
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
    const read = <T>(path: string) => readJson<T>(context, path)
    const rows = await outages(context, ['orders', 'mailer'])
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

  it('[N2] [F9] one slider moves chart, incidents, canvas and who was there; late events are what known and true differ by', async () => {
    const context = await signedIn(ANN)
    const [row] = await outages(context, ['ledger'])
    const id = row!.id
    const page = await open(context, '/canvas?view=outline', id)
    await joinRoom(page)
    await addCard(page, 'Hypothesis', 'seen before the moment')
    const room = `/api/incidents/${id}/room`
    await soon(async () => JSON.stringify(await readJson(context, room))).toContain('seen before')
    const live = await readJson<{ hash: string }>(context, room)
    const count = async (query = ''): Promise<number> =>
      (await readJson<IncidentDetail>(context, `/api/incidents/${id}${query}`)).errors
    await waitFor(async () => (await count()) === 180, { what: 'all errors', withinMs: 30_000 })
    const at = systemClock.nowMs()

    const late = 17
    const occurred_at = new Date(at - 500).toISOString()
    const failed = ownFailures({ service: 'ledger', count: late, wave: 9 })
    await platform.post(failed.map((event) => ({ ...event, occurred_at })))
    await addCard(page, 'Hypothesis', 'seen after the moment')
    await waitFor(async () => (await count()) === 180 + late, { what: 'late errors' })
    const moment = (as: string): string => `?at=${at}&as=${as}`
    expect([await count(moment('known')), await count(moment('true'))]).toEqual([180, 180 + late])
    expect(await readJson(context, `${room}${moment('known')}`)).toMatchObject({ hash: live.hash })

    // The page, by its address; its list, chart, cards and people are those of the moment.
    await page.goto(`${platform.url}/incidents/${id}/canvas${moment('known')}&view=outline`)
    await page.locator('html[data-live]').waitFor()
    const errors = page.locator('[data-then=here] tr', { hasText: row!.title }).locator('.number')
    await soon(() => errors.nth(1).innerText()).toBe('180')
    expect(await page.locator('[data-outline]').innerText()).toContain('seen before the moment')
    expect(await page.locator('[data-outline]').innerText()).not.toContain('after the moment')
    expect(await page.locator('[data-past]').innerText()).toContain('There: Ann Lee')
    await page.getByLabel('What counts').selectOption('true')
    await soon(() => errors.nth(1).innerText()).toBe(String(180 + late))
    expect(new URL(page.url()).searchParams.get('as')).toBe('true')
    // The other pages show the same moment.
    await page.getByRole('link', { name: 'Incident', exact: true }).click()
    await page.locator('[data-past=true]').waitFor()
    expect(await page.locator('[data-kpi=Errors]').innerText()).toBe(String(180 + late))
    await page.getByRole('link', { name: 'Show what was known then' }).click()
    await page.locator('[data-past=known]').waitFor()
    expect(await page.locator('[data-kpi=Errors]').innerText()).toBe('180')
    const before = new Date(row!.opened_at - 60_000).toISOString()
    await page.goto(`${platform.url}/incidents?at=${before}`)
    await page.locator('[data-past=known]').waitFor()
    expect(await page.getByRole('link', { name: row!.title }).count()).toBe(0)
    await page.getByRole('link', { name: 'Back to now' }).click()
    await page.getByRole('link', { name: row!.title }).waitFor()

    // The slider takes chart and list along, to where the incident was not there yet.
    await page.goto(`${platform.url}/incidents/${id}/canvas?view=outline`)
    await page.locator('html[data-live]').waitFor()
    const slider = page.getByRole('slider', { name: 'Moment shown' })
    await slider.focus()
    await slider.press('Home')
    await page.locator('[data-past]').waitFor()
    await soon(() => page.locator('[data-outline]').count()).toBe(0)
    await page.getByRole('button', { name: 'Back to now' }).click()
    await soon(() => errors.nth(1).innerText()).toBe(String(180 + late))
    expect(complaints).toEqual([])
  }, 180_000)
})
