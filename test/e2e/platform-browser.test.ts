/** The whole of it: a real platform, a real browser, an outage posted at the door. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from './chromium.ts'
import { seriousViolations } from './dashboard-fixture.ts'
import { startPlatform, type RunningPlatform } from './platform.ts'
import { failures, quietPast } from './traffic.ts'

const chromiumPath = await findChromium()
if (chromiumPath === null) process.stderr.write(`\n!! SKIPPED: ${CHROMIUM_REMEDY}\n\n`)

describe.skipIf(chromiumPath === null)('the page of a running platform', () => {
  let platform: RunningPlatform
  let browser: Browser
  beforeAll(async () => {
    platform = await startPlatform()
    browser = await launchChromium(chromiumPath ?? '')
  })
  afterAll(async () => {
    await browser.close()
    await platform.stop()
  })

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
    await page.waitForFunction(
      `document.querySelector('button.fresh') !== null || document.querySelector('a[href*="/incidents/"]') !== null`,
      undefined,
      { timeout: 30_000 },
    )
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
})
