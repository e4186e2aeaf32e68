/** The built dashboard in a real browser, over the made-up API of dashboard/dev. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { Served } from '#/dashboard/dev/serve.ts'
import { serveDashboard } from '#/dashboard/dev/serve.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from './chromium.ts'

const chromiumPath = await findChromium()
if (chromiumPath === null) process.stderr.write(`\nSKIPPED, NOT PASSED: ${CHROMIUM_REMEDY}\n\n`)

const root = join(import.meta.dirname, '../..')
const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

let buildDir = ''
let served: Served
let browser: Browser
/** What went wrong in any page of a test: exceptions, refused styles or scripts, requests elsewhere. */
let complaints: string[] = []
const open: Page[] = []

/** Builds the dashboard and returns the folder it lies in. */
async function build(): Promise<string> {
  const vite = createRequire(join(root, 'dashboard/package.json')).resolve('vite/package.json')
  const cli = join(vite, '../bin/vite.js')
  const env = { ...process.env, NODE_ENV: 'production' }
  await promisify(execFile)(process.execPath, [cli, 'build'], { cwd: join(root, 'dashboard'), env })
  // A copy: whoever starts the platform meanwhile may build again, and names of files change with their content.
  const copy = await mkdtemp(join(tmpdir(), 'faultline-dashboard-'))
  await cp(join(root, 'dashboard/build'), copy, { recursive: true })
  await writeFile(join(copy, 'package.json'), '{"type":"module"}')
  return copy
}

async function newPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // A page that does not exist, or an API that is down, is logged by the browser itself.
    const isExpected = /status of (4|5)\d\d|ERR_INCOMPLETE|ERR_CONNECTION/.test(message.text())
    if (message.type() === 'error' && !isExpected) complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(served.url) && !/^(data|blob):/.test(request.url()))
      complaints.push(`request to ${request.url()}`)
  })
  open.push(page)
  return page
}

async function visit(path: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await newPage(options)
  await page.goto(`${served.url}${path}`)
  if (options.javaScriptEnabled !== false && !path.startsWith('/status'))
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor()
  return page
}

async function ids(): Promise<{ incident: string; issue: string }> {
  const first = async (path: string): Promise<Record<string, string>> => {
    const response = await fetch(`${served.url}${path}`)
    return ((await response.json()) as { items: Record<string, string>[] }).items[0] ?? {}
  }
  const [incident, issue] = await Promise.all([
    first('/api/incidents?q=%23140'),
    first('/api/issues'),
  ])
  return { incident: incident['id'] ?? '', issue: issue['fingerprint'] ?? '' }
}

async function everyPage(): Promise<readonly string[]> {
  const { incident, issue } = await ids()
  return [
    '/',
    '/incidents',
    `/incidents/${incident}`,
    '/issues',
    `/issues/${issue}`,
    '/explore',
    '/deploys',
    '/services',
    '/services/checkout',
    '/sql?q=SELECT+1',
    '/pipeline',
    '/status',
  ]
}

/** Layout shifts since the page began, as the browser counts them. */
async function watchShifts(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const scope = globalThis as unknown as { shifted: number }
    scope.shifted = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        scope.shifted += (entry as unknown as { value: number }).value
    }).observe({ type: 'layout-shift', buffered: true })
  })
  return () => page.evaluate(() => (globalThis as unknown as { shifted: number }).shifted)
}

async function seriousViolations(page: Page): Promise<readonly string[]> {
  // Through the debugger, so that the content security policy of the page stands.
  await page.evaluate(await readFile(axePath, 'utf8'))
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run: () => Promise<{
          violations: { id: string; impact: string; nodes: { html: string }[] }[]
        }>
      }
    }
    const { violations } = await axe.run()
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .map((node) => node.html.slice(0, 160))
            .slice(0, 3)
            .join(' | ')}`,
      )
  })
}

describe.skipIf(chromiumPath === null)('the dashboard', () => {
  beforeAll(async () => {
    buildDir = await build()
    served = await serveDashboard({
      buildDir,
      seed: 7,
      now: () => Date.now(),
    })
    browser = await launchChromium(chromiumPath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await rm(buildDir, { recursive: true, force: true })
  })
  afterEach(async () => {
    served.mock.fail(false)
    served.mock.empty(false)
    served.mock.start()
    await Promise.all(open.splice(0).map((page) => page.context().close()))
    const seen = complaints
    complaints = []
    expect(seen).toEqual([])
  })

  it('[E15] shows real content without JavaScript', async () => {
    const { incident } = await ids()
    const html = await (await fetch(`${served.url}/`)).text()
    expect(html).toContain('upstream did not answer within 2000 ms')
    expect(html).toMatch(/<path class="tone-sev-critical[^"]*" d="M0 /)
    const now = await visit('/', { javaScriptEnabled: false })
    expect(await now.locator('[data-row]').count()).toBeGreaterThan(10)
    await now.locator('[data-row]').first().click()
    expect(now.url()).toContain('/incidents/')
    expect(await now.getByText('Sum, of at most 6.30').isVisible()).toBe(true)
    const detail = await visit(`/incidents/${incident}`, { javaScriptEnabled: false })
    expect(await detail.getByText('Timeline, UTC').isVisible()).toBe(true)
    const status = await visit('/status', { javaScriptEnabled: false })
    expect(await status.locator('script').count()).toBe(0)
    expect(await status.getByText('SEV1').first().isVisible()).toBe(true)
  })

  it('/status is small and has no script even with JavaScript on', async () => {
    const html = await (await fetch(`${served.url}/status`)).text()
    expect(html).not.toContain('<script')
    expect(html.length).toBeLessThan(10_240)
  })

  it('[E3] a new incident is announced without a reload and joins when asked', async () => {
    const page = await visit('/')
    const before = await page.locator('[data-row]').first().innerText()
    const startedMs = Date.now()
    served.mock.openIncident()
    const news = page.getByRole('button', { name: '1 new incident' })
    await news.waitFor({ timeout: 2000 })
    expect(Date.now() - startedMs).toBeLessThan(2000)
    expect(await page.locator('[data-row]').first().innerText()).toBe(before)
    await news.click()
    expect(await page.locator('[data-row]').first().innerText()).toBe(
      'PoolExhausted: no free connection',
    )
    expect(await news.count()).toBe(0)
  })

  it('[E3] numbers of a known incident change in place', async () => {
    const page = await visit('/')
    const { incident } = await ids()
    const row = page.locator('tr', { has: page.locator(`a[href="/incidents/${incident}"]`) })
    const before = await row.innerText()
    served.mock.updateIncident(incident)
    await page.waitForFunction(
      ([id, text]) => {
        const link = document.querySelector(`a[href="/incidents/${id}"]`)
        return link?.closest('tr')?.innerText !== text
      },
      [incident, before] as const,
      { timeout: 2000 },
    )
  })

  it('[E4] an incident explains itself: severity as a sum, labelled summary, causes, samples with stacks', async () => {
    const { incident } = await ids()
    const page = await visit(`/incidents/${incident}`)
    const adds = await page
      .locator('caption:has-text("How the severity") ~ tbody td:last-child')
      .allInnerTexts()
    const sum = Number(await page.locator('tfoot tr:first-child td').innerText())
    expect(adds).toHaveLength(7)
    expect(adds.reduce((total, text) => total + Number(text), 0)).toBeCloseTo(sum, 1)
    expect(await page.locator('[data-origin="rules"]').innerText()).toContain('no AI involved')
    expect(await page.getByText('went out one minute before the first error').isVisible()).toBe(
      true,
    )
    expect(await page.locator('pre', { hasText: 'PaymentClient.charge' }).first().isVisible()).toBe(
      true,
    )
  })

  it('[E8] [E11] deploys are marked on charts and listed with the errors before and after', async () => {
    const page = await visit('/')
    expect(await page.locator('.markers a', { hasText: 'payments v412' }).count()).toBe(1)
    await page.goto(`${served.url}/deploys`)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toMatch(/^Errors rose after/)
    expect(await page.locator('tr', { hasText: 'payments v412' }).innerText()).toMatch(/× \d+/)
  })

  it('[E2] a range dragged on a chart lands in the address and on the whole page', async () => {
    const page = await visit('/')
    const box = await page.getByRole('slider').first().boundingBox()
    if (box === null) throw new Error('no chart')
    await page.mouse.move(box.x + box.width * 0.25, box.y + 40)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40, { steps: 4 })
    await page.mouse.up()
    await page.waitForURL(/from=.*to=/)
    const params = new URL(page.url()).searchParams
    const minutes =
      (Date.parse(params.get('to') ?? '') - Date.parse(params.get('from') ?? '')) / 60_000
    expect(minutes).toBeGreaterThan(14)
    expect(minutes).toBeLessThan(17)
    await page.goBack()
    expect(new URL(page.url()).search).toBe('')
  })

  it('[E1] a hundred thousand rows need at most sixty in the document, and wait while somebody reads', async () => {
    const page = await visit('/explore')
    const rows = page.locator('[data-item]')
    served.mock.burst(100_000)
    await page.waitForFunction(
      () => document.querySelector('[data-shown]')?.textContent === '100,000',
      undefined,
      { timeout: 60_000 },
    )
    expect(await rows.count()).toBeLessThanOrEqual(60)
    const list = page.getByRole('table', { name: 'Events, newest first' })
    for (const share of [0.1, 0.5, 0.99]) {
      await list.evaluate((box, at) => {
        box.scrollTop = box.scrollHeight * at
      }, share)
      await page.waitForTimeout(100)
      expect(await rows.count()).toBeGreaterThan(10)
      expect(await rows.count()).toBeLessThanOrEqual(60)
    }
    const reading = await rows.nth(12).innerText()
    await page.locator('[data-resume]').waitFor()
    await page.waitForTimeout(500)
    expect(await rows.nth(12).innerText()).toBe(reading)
    expect(await page.locator('[data-resume]').innerText()).toMatch(/^Paused · [\d.k]+ waiting$/)
    await page.locator('[data-resume]').click()
    expect(await list.evaluate((box) => box.scrollTop)).toBe(0)
  })

  it('[E1] a row opens with all its fields and nothing moves meanwhile', async () => {
    const page = await visit('/explore')
    const button = page.locator('[data-item] button').nth(3)
    await button.click()
    expect(await page.getByText('attributes.region').isVisible()).toBe(true)
    const before = await button.boundingBox()
    await page.waitForTimeout(800)
    expect(await button.boundingBox()).toEqual(before)
  })

  it('[E7] after a cut the stream goes on: nothing missing, nothing twice', async () => {
    const page = await visit('/explore')
    // At least one frame, so that there is a place to go on from.
    await page.waitForTimeout(600)
    served.mock.stop()
    await page.waitForTimeout(300)
    served.mock.cut()
    served.mock.burst(200)
    const read = (): Promise<number[]> =>
      page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('[data-item]')].map((row) =>
          Number(row.dataset['item']?.slice(3)),
        ),
      )
    await page.waitForFunction(
      (last) =>
        (document.querySelector<HTMLElement>('[data-item]')?.dataset['item'] ?? '') === last,
      served.mock.lastEventId(),
      { timeout: 10_000 },
    )
    const seen = await read()
    expect(seen.length).toBeGreaterThan(20)
    expect(seen).toEqual(seen.map((_, index) => (seen[0] ?? 0) - index))
  })

  it('[E12] works by keyboard alone', async () => {
    const page = await visit('/')
    await page.keyboard.press('g')
    await page.keyboard.press('i')
    await page.waitForURL(/\/incidents$/)
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    const second = await page.locator('[data-row]').nth(1).innerText()
    expect(await page.evaluate(() => (document.activeElement as HTMLElement).innerText)).toBe(
      second,
    )
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/incidents\/.+/)
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').waitFor()
    await page.keyboard.type('pipe')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/pipeline$/)
    await page.keyboard.press('g')
    await page.keyboard.press('e')
    await page.waitForURL(/\/explore$/)
    await page.keyboard.press('/')
    await page.keyboard.type('memory')
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=memory/)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain('“memory”')
  })

  it('[E12] a chart can be read by keyboard', async () => {
    const page = await visit('/')
    const cursor = page.getByRole('slider').first()
    await cursor.focus()
    await page.keyboard.press('End')
    await page.keyboard.press('ArrowLeft')
    expect(await cursor.getAttribute('aria-valuetext')).toMatch(/^\d\d:\d\d:\d\d · .*\d+ info/)
    expect(await page.locator('[data-readout]').first().innerText()).toMatch(/^\d\d:\d\d:\d\d · /)
  })

  it('[E13] nothing moves while data arrives', async () => {
    const page = await visit('/')
    const shifted = await watchShifts(page)
    const rows = page.locator('tbody tr')
    const before = await rows.nth(2).boundingBox()
    const { incident } = await ids()
    for (let round = 0; round < 5; round += 1) {
      served.mock.updateIncident(incident)
      if (round === 2) served.mock.openIncident()
      await page.waitForTimeout(600)
    }
    expect(await rows.nth(2).boundingBox()).toEqual(before)
    expect(await shifted()).toBeLessThanOrEqual(0.01)
  })

  it('[E13] the theme is remembered, and the server sends it with the first byte', async () => {
    const page = await visit('/')
    await page.getByRole('button', { name: /^Theme/ }).click()
    await page.getByRole('button', { name: /^Theme/ }).click()
    await page.reload()
    const html = await page.content()
    expect(html).toContain('data-theme="dark"')
    expect(await page.evaluate(() => getComputedStyle(document.body).colorScheme)).toBe('dark')
  })

  it('[E14] axe finds nothing serious: every page, both themes', async () => {
    const found: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await newPage({ colorScheme })
      for (const path of await everyPage()) {
        await page.goto(`${served.url}${path}`)
        await page.waitForTimeout(250)
        found.push(
          ...(await seriousViolations(page)).map((one) => `${colorScheme} ${path}: ${one}`),
        )
      }
    }
    expect(found).toEqual([])
  })

  it('[E14] no page is wider than a screen of 320 px', async () => {
    const page = await newPage({ viewport: { width: 320, height: 700 } })
    const wide: string[] = []
    for (const path of await everyPage()) {
      await page.goto(`${served.url}${path}`)
      await page.waitForTimeout(150)
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      if (over > 0) wide.push(`${path} by ${over} px`)
    }
    expect(wide).toEqual([])
  })

  it('[E16] says how old the data is when the stream stops, and goes back to live', async () => {
    const page = await visit('/')
    served.mock.fail(true)
    const banner = page.getByRole('alert')
    await banner.waitFor({ timeout: 15_000 })
    expect(await banner.innerText()).toMatch(
      /The stream stopped \d+ s ago\.\s+What you see is data up to \d\d:\d\d:\d\d UTC/,
    )
    expect(await page.locator('[data-row]').count()).toBeGreaterThan(10)
    served.mock.fail(false)
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor({ timeout: 20_000 })
    expect(await banner.count()).toBe(0)
  })

  it('[E16] the first run shows a command to paste', async () => {
    served.mock.empty(true)
    const page = await visit('/')
    const curl = await page.locator('[data-curl]').innerText()
    expect(curl).toContain(`curl ${served.url}/v1/events`)
    expect(curl).toContain('X-API-Key')
    for (const path of ['/incidents', '/issues', '/explore', '/deploys', '/services']) {
      await page.goto(`${served.url}${path}`)
      expect((await page.locator('.notice').first().innerText()).length).toBeGreaterThan(20)
    }
  })

  it('[E16] an API that is down, an unknown page and an unknown incident are sentences with a next step', async () => {
    const page = await newPage()
    await page.goto(`${served.url}/incidents/none`)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain(
      'There is nothing at this address.',
    )
    await page.goto(`${served.url}/nowhere`)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain(
      'There is no page at this address.',
    )
    served.mock.fail(true)
    await page.goto(`${served.url}/services`)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain(
      'ClickHouse cannot be reached',
    )
    await page.goto(`${served.url}/status`)
    expect(await page.getByText('The pipeline does not answer.').isVisible()).toBe(true)
  })

  it('text from events is only ever text', async () => {
    const page = await visit('/issues?q=script')
    expect(await page.getByText('<script>alert("never run")</script>').count()).toBeGreaterThan(0)
    await page.locator('[data-row]').first().click()
    await page.waitForURL(/\/issues\/.+/)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain('<script>')
    const policy = (await fetch(`${served.url}/`)).headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/script-src 'self' 'nonce-/)
    expect(policy).not.toContain('unsafe-inline')
    expect(policy).not.toContain('unsafe-eval')
  })

  it('loads at most 60 KB of script before the charts, and no font', async () => {
    const page = await newPage()
    const scripts: string[] = []
    page.on('response', (response) => {
      if (/\.js$/.test(new URL(response.url()).pathname)) scripts.push(response.url())
      if (/\.(woff2?|ttf|otf)$/.test(response.url())) complaints.push(`font ${response.url()}`)
    })
    await page.goto(`${served.url}/`)
    await page.locator('canvas').first().waitFor()
    const sizes = await Promise.all(
      scripts.map(
        async (url) => gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length,
      ),
    )
    const lazy = Math.max(...sizes)
    const first = sizes.reduce((sum, size) => sum + size, 0) - lazy
    expect(lazy).toBeLessThan(180 * 1024)
    expect(first).toBeLessThan(60 * 1024)
  })
})
