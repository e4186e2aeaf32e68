/** How the dashboard behaves in any state: calm, reachable for everybody, safe, small. */
import { gzipSync } from 'node:zlib'

import { describe, expect, it } from 'vitest'

import { everyPage, hasChromium, someIds, useDashboard, watchShifts } from './dashboard-fixture.ts'

describe.skipIf(!hasChromium)('the dashboard in any state', () => {
  const stage = useDashboard()
  const served = () => stage.served

  it('[E13] nothing moves while data arrives', async () => {
    const page = await stage.visit('/')
    const shifted = await watchShifts(page)
    const rows = page.locator('tbody tr')
    const before = await rows.nth(2).boundingBox()
    const { incident } = await someIds(served().url)
    for (let round = 0; round < 5; round += 1) {
      served().mock.updateIncident(incident)
      if (round === 2) served().mock.openIncident()
      await page.waitForTimeout(600)
    }
    expect(await rows.nth(2).boundingBox()).toEqual(before)
    expect(await shifted()).toBeLessThanOrEqual(0.01)
  })

  it('[E13] the theme is remembered, and the server sends it with the first byte', async () => {
    const page = await stage.visit('/')
    await page.getByRole('button', { name: /^Theme/ }).click()
    await page.getByRole('button', { name: /^Theme/ }).click()
    await page.reload()
    const html = await page.content()
    expect(html).toContain('data-theme="dark"')
    expect(await page.evaluate('getComputedStyle(document.body).colorScheme')).toBe('dark')

    // What is pressed before the scripts have come is not lost.
    const scripts = Promise.withResolvers<void>()
    await page.route('**/*.js', async (route) => {
      await scripts.promise
      await route.continue()
    })
    await page.goto(served().url, { waitUntil: 'commit' })
    await page.getByRole('button', { name: /^Theme/ }).click()
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
    scripts.resolve()
    await page.locator('html[data-theme=""]').waitFor()
  })

  it('[E14] no page is wider than a screen of 320 px, nor hides what is severe', async () => {
    const page = await stage.newPage({ viewport: { width: 320, height: 700 } })
    const wide: string[] = []
    for (const path of await everyPage(served().url)) {
      await page.goto(`${served().url}${path}`)
      await page.waitForTimeout(150)
      const over = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      if (over > 0) wide.push(`${path} by ${over} px`)
      // A class for columns once took the marks of one severity with it.
      const hidden = await page.evaluate<number>(
        `[...document.querySelectorAll('.mark')].filter((mark) => getComputedStyle(mark).display === 'none').length`,
      )
      if (hidden > 0) wide.push(`${path} hides ${hidden} marks of severity`)
    }
    expect(wide).toEqual([])
  })

  it('[E16] says how old the data is when the stream stops, and goes back to live', async () => {
    const page = await stage.visit('/')
    served().mock.fail(true)
    const banner = page.getByRole('alert')
    await banner.waitFor({ timeout: 15_000 })
    expect(await banner.innerText()).toMatch(
      /The stream stopped \d+ s ago\.\s+What you see is data up to \d\d:\d\d:\d\d UTC/,
    )
    expect(await page.locator('[data-row]').count()).toBeGreaterThan(10)
    served().mock.fail(false)
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor({ timeout: 20_000 })
    expect(await banner.count()).toBe(0)
  })

  it('[E16] the first run shows a command to paste', async () => {
    served().mock.empty(true)
    const page = await stage.visit('/')
    const curl = await page.locator('[data-curl]').innerText()
    expect(curl).toContain(`curl ${served().url}/v1/events`)
    expect(curl).toContain('X-API-Key')
    for (const path of ['/incidents', '/issues', '/explore', '/deploys', '/services']) {
      await page.goto(`${served().url}${path}`)
      expect((await page.locator('.notice').first().innerText()).length).toBeGreaterThan(20)
    }
  })

  it('[E16] an API that is down, an unknown page and an unknown incident are sentences with a next step', async () => {
    const page = await stage.newPage()
    await page.goto(`${served().url}/incidents/none`)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain(
      'There is nothing at this address.',
    )
    await page.goto(`${served().url}/nowhere`)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain(
      'There is no page at this address.',
    )
    served().mock.fail(true)
    await page.goto(`${served().url}/services`)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain(
      'ClickHouse cannot be reached',
    )
    await page.goto(`${served().url}/status`)
    expect(await page.getByText('The pipeline does not answer.').isVisible()).toBe(true)
  })

  it('[E16] a part that fails is named, and the rest of its page stands', async () => {
    const { incident } = await someIds(served().url)
    const page = await stage.newPage({ javaScriptEnabled: false })
    const parts = [
      ['/api/metrics', '/explore?by=service', 'the groups', 'Events by severity'],
      ['/api/graph', '/services', 'who calls whom', 'checkout'],
      ['/api/metrics', '/services/checkout', 'signups and feedback', 'Latency'],
      ['/api/issues', `/incidents/${incident}`, 'samples', 'The samples could not be read.'],
      ['/api/incidents/stats', '/incidents', 'figures of all incidents', '#'],
    ] as const
    for (const [broken, path, missing, stands] of parts) {
      served().mock.breakPart(broken)
      await page.goto(`${served().url}${path}`)
      expect(await page.locator('[data-missing]').innerText()).toContain(missing)
      expect(await page.locator('main').innerText()).toContain(stands)
    }
    served().mock.breakPart('')
    await page.reload()
    expect(await page.locator('[data-missing]').count()).toBe(0)
  })

  it('text from events is only ever text', async () => {
    const page = await stage.visit('/issues?q=script')
    expect(await page.getByText('<script>alert("never run")</script>').count()).toBeGreaterThan(0)
    await page.locator('[data-row]').first().click()
    await page.waitForURL(/\/issues\/.+/)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain('<script>')
    const policy = (await fetch(`${served().url}/`)).headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/script-src 'self' 'nonce-/)
    expect(policy).not.toContain('unsafe-inline')
    expect(policy).not.toContain('unsafe-eval')
  })

  it('loads at most 60 KB of script before the charts, and no font', async () => {
    const page = await stage.newPage()
    const scripts: string[] = []
    page.on('response', (response) => {
      if (new URL(response.url()).pathname.endsWith('.js')) scripts.push(response.url())
    })
    await page.goto(`${served().url}/`)
    await page.locator('canvas').first().waitFor()
    // What the page names itself comes first; the rest was asked for by script, with the charts.
    const html = await (await fetch(`${served().url}/`)).text()
    const isFirst = (url: string): boolean => html.includes(new URL(url).pathname)
    const sizeOf = async (urls: readonly string[]): Promise<number> => {
      const bodies = await Promise.all(urls.map(async (url) => (await fetch(url)).arrayBuffer()))
      return bodies.reduce((sum, body) => sum + gzipSync(Buffer.from(body)).length, 0)
    }
    const first = await sizeOf(scripts.filter(isFirst))
    const lazy = await sizeOf(scripts.filter((url) => !isFirst(url)))
    expect(first).toBeGreaterThan(40 * 1024)
    expect(lazy).toBeGreaterThan(100 * 1024)
    expect(lazy).toBeLessThan(180 * 1024)
    expect(first).toBeLessThan(60 * 1024)
  })
})
