/** The whole of it: a real platform, a real browser, an outage posted at the door. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { APIRequestContext, Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from './chromium.ts'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import type { DrillReport } from '#/schemas/drill-view.ts'
import type { IncidentDetail, IncidentRow } from '#/schemas/view.ts'
import { seriousViolations } from './dashboard-fixture.ts'
import { liveFacts, recount } from './drill.ts'
import { startPlatform, temporaryFolder, type RunningPlatform } from './platform.ts'
import { waitFor } from './processes.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { failures, quietPast } from './traffic.ts'

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`

const chromiumPath = await findChromium()
if (chromiumPath === null) process.stderr.write(`\n!! SKIPPED: ${CHROMIUM_REMEDY}\n\n`)

describe.skipIf(chromiumPath === null)('the page of a running platform', () => {
  let platform: RunningPlatform
  let browser: Browser
  let team: Receiver
  const folder = temporaryFolder('told')
  beforeAll(async () => {
    team = await openReceiver()
    const targets = [
      {
        name: 'team',
        kind: 'webhook',
        url: team.url,
        secret: SECRET,
        'severity-max': 5,
        tell: ['opened'],
      },
    ]
    writeFileSync(
      join(folder, 'notify.yaml'),
      JSON.stringify({ targets, allow: [new URL(team.url).hostname] }),
    )
    platform = await startPlatform({ args: ['--notify', join(folder, 'notify.yaml')] })
    browser = await launchChromium(chromiumPath ?? '')
  })
  afterAll(async () => {
    await browser.close()
    await platform.stop()
    await team[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  /** Incidents that somebody was told of. */
  const toldOf = (): unknown[] =>
    team.bodies.map(({ data }) => (data as { incident_id: string }).incident_id)

  it('[E3] [E13] [E14] shows a first-run page, then an outage that is posted, without a reload', async () => {
    const page = await browser.newPage({
      colorScheme: 'dark',
      viewport: { width: 1280, height: 800 },
    })
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await page.goto(platform.url)
    expect(await page.textContent('[data-curl]')).toContain('/v1/events')
    expect(await seriousViolations(page)).toEqual([])

    await platform.post(quietPast({ service: 'orders', minutes: 80, nowMs: systemClock.nowMs() }))
    await page.reload()
    await page.evaluate('globalThis.untouched = true')
    for (let wave = 0; wave < 4; wave += 1) {
      await platform.post(failures({ service: 'orders', count: 60 }))
      await systemClock.sleep(400)
    }
    // New rows wait behind one button, so that nothing moves under a pointer.
    await page
      .locator('button.fresh, main a[href*="/incidents/"]')
      .first()
      .waitFor({ timeout: 30_000 })
    const fresh = page.locator('button.fresh')
    if ((await fresh.count()) > 0) await fresh.click()
    const link = page.locator('main a[href*="/incidents/"]').first()
    await link.waitFor({ timeout: 10_000 })
    expect(await page.evaluate('globalThis.untouched')).toBe(true)
    expect(await seriousViolations(page)).toEqual([])

    await link.click()
    await page.waitForURL(/\/incidents\/.+/)
    await page.getByText('orders').first().waitFor()
    expect(await seriousViolations(page)).toEqual([])
    const picture = process.env['FAULTLINE_PICTURE']
    if (picture !== undefined) {
      mkdirSync(dirname(picture), { recursive: true })
      await page.screenshot({ path: picture })
    }
    expect(complaints).toEqual([])
    await page.close()
  })

  it('[N10] a drill plays it again to trainees; live data is untouched, nobody is told, the report is what both logs say', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    const { request } = context
    const ann = { name: 'Ann Lee', email: 'ann@example.com', password: 'correct horse battery 7' }
    const setup_token = readFileSync(join(platform.dataDir, 'setup-token'), 'utf8').trim()
    await post(request, `${platform.url}/api/auth/register`, { ...ann, setup_token, cookie: true })
    const real = await workOn(request, platform.url, [
      ['join', {}],
      ['note', { id: 'n', text: 'all of it since v2' }],
      ['card_create', { id: 'a', kind: 'hypothesis', title: 'v2 exhausts connections' }],
      ['card_create', { id: 'b', kind: 'solution', title: 'roll back' }],
    ])
    // What was done comes into the tables with the next batch.
    const stored = (): Promise<{ n: string }[]> =>
      platform.clickhouse("SELECT count() AS n FROM actions WHERE role != 'system'")
    await expect.poll(stored, { timeout: 15_000 }).toEqual([{ n: '4' }])
    await expect.poll(toldOf, { timeout: 15_000 }).toEqual([real.id])
    // The team has it before the platform has noted its answer.
    const delivered = (): Promise<{ n: string }[]> =>
      platform.clickhouse("SELECT count() AS n FROM deliveries WHERE status = 'delivered'")
    await expect.poll(delivered, { timeout: 15_000 }).toEqual([{ n: '1' }])

    const page = await context.newPage()
    const complaints: string[] = []
    context.on('weberror', (error) => complaints.push(error.error().message))
    await page.goto(`${platform.url}/incidents/${real.id}`)
    // The room's first socket makes the key that signs its ticket: a record of the configuration.
    await page.getByRole('button', { name: 'Leave', exact: true }).waitFor()
    const before = await liveFacts(platform)
    await page.getByRole('link', { name: 'Run a drill' }).click()
    await page.getByLabel('Speed').selectOption({ label: '20×' })
    await page.getByLabel('The cause in words').fill('v2')
    await page.getByRole('button', { name: 'Start' }).click()
    const open = page.locator('[data-open]')
    await open.waitFor({ timeout: 60_000 })
    const [sandbox] = await Promise.all([context.waitForEvent('page'), open.click()])
    await sandbox.locator('[data-progress]').waitFor()
    expect(await seriousViolations(sandbox)).toEqual([])
    const { origin } = new URL(sandbox.url())
    // Without a script it says so too; events and keys are nothing it takes.
    expect(await (await request.get(`${origin}/issues`)).text()).toContain('Nothing here is live')
    expect((await request.post(`${origin}/v1/events`, { data: {} })).status()).toBe(404)
    const csrf = await csrfOf(request)
    const key = await request.post(`${origin}/api/keys`, { data: { name: 'x' }, headers: csrf })
    expect([key.status(), (await key.json()).detail]).toEqual([
      403,
      expect.stringContaining('drill'),
    ])

    const drill = await workOn(request, origin, [
      ['join', {}],
      ['card_create', { id: 'x', kind: 'hypothesis', title: 'the database is down' }],
      ['card_create', { id: 'y', kind: 'hypothesis', title: 'V2 exhausts all connections' }],
    ])
    await sandbox.getByRole('button', { name: 'End drill …' }).click()
    await sandbox.getByRole('button', { name: 'End it for everybody' }).click()
    await sandbox.getByRole('link', { name: 'Read the report' }).click()
    await sandbox.waitForURL(`${platform.url}/drills/*`)
    expect(await sandbox.locator('[data-milestone=first_note]').innerText()).toMatch(
      /never\s+never$/,
    )
    expect(await seriousViolations(sandbox)).toEqual([])
    expect(await liveFacts(platform)).toEqual(before)
    // It had an incident of its own, open for as long as people worked on it, and the team heard of none but the real.
    expect(drill.id).not.toBe(real.id)
    expect(toldOf()).toEqual([real.id])

    const path = `${platform.url}/api/drills/1/report`
    const { report } = (await (await request.get(path)).json()) as { report: DrillReport }
    const both = {
      recorded: recount(real.history, report.began.recorded, 'v2'),
      drill: recount(drill.history, report.began.drill, 'V2'),
    }
    const after = (name: string, side: 'recorded' | 'drill') =>
      report.milestones.find(({ key: known }) => known === name)?.[side]?.after ?? null
    for (const side of ['recorded', 'drill'] as const)
      expect({
        acknowledged: after('acknowledged', side),
        note: after('first_note', side),
        cause: after('cause_named', side),
        changes: report.changes[side],
      }).toEqual({ ...both[side], cards: undefined })
    const { cards } = report
    expect(cards.both.map(({ recorded, drill: own }) => [recorded.title, own.title])).toEqual([
      [both.recorded.cards[0], both.drill.cards[1]],
    ])
    expect(cards.only_recorded.map(({ title }) => title)).toEqual([both.recorded.cards[1]])
    expect(cards.only_drill.map(({ title }) => title)).toEqual([both.drill.cards[0]])
    expect(report.began.drill).toBe(report.drill.started_at + 3_000)
    expect(report.events).toEqual({
      recorded: report.drill.events,
      played: report.drill.events,
      kept: report.drill.events,
    })
    // Negative control: one event more is seen.
    await platform.post(failures({ service: 'orders', count: 1 }))
    await expect.poll(() => liveFacts(platform), { timeout: 15_000 }).not.toEqual(before)
    expect(complaints).toEqual([])
    await context.close()
  })
})

async function csrfOf(request: APIRequestContext): Promise<Record<string, string>> {
  const { cookies } = await request.storageState()
  return { 'x-csrf-token': cookies.find(({ name }) => name === 'fl_csrf')?.value ?? '' }
}

async function post(request: APIRequestContext, url: string, data: object): Promise<void> {
  const answer = await request.post(url, { data, headers: await csrfOf(request) })
  if (!answer.ok()) throw new Error(`${url} answered ${answer.status()}: ${await answer.text()}`)
}

/** Does this in the room of the one incident, and tells its log. */
async function workOn(
  request: APIRequestContext,
  url: string,
  commands: readonly (readonly [kind: string, payload: object])[],
): Promise<{ id: string; history: readonly RoomEvent[] }> {
  const read = async <T>(path: string): Promise<T> =>
    (await (await request.get(`${url}${path}`)).json()) as T
  const id = await waitFor(
    async () => (await read<{ items: IncidentRow[] }>('/api/incidents')).items[0]?.id,
    { what: `an incident at ${url}`, withinMs: 60_000, everyMs: 200 },
  )
  for (const [kind, payload] of commands)
    await post(request, `${url}/api/incidents/${id}/commands`, { kind, payload })
  const path = `/api/incidents/${id}`
  const { history } = await read<IncidentDetail & { history: RoomEvent[] }>(path)
  return { id, history }
}
