/** The real API with its log away: pages that need only the store go on, the others say what is wrong and what to do. */
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { answerInProcess } from '#/api/dashboard.ts'
import { createTestApp, type TestApp } from '#/api/test-app.ts'
import { testEvent } from '#/api/test-views.ts'
import { mountDashboard } from '#/dashboard/mount.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { launchChromium } from './chromium.ts'
import { chromiumPath, hasChromium } from './dashboard-fixture.ts'

describe.skipIf(!hasChromium)('the log is away', () => {
  let test: TestApp
  let browser: Browser
  let url = ''
  beforeAll(async () => {
    const mounted = await mountDashboard({
      buildDir: inject('dashboardBuild'),
      api: (request) => answerInProcess(test.app, request),
    })
    const dashboard = { clientDir: mounted.clientDir, respond: mounted.respond }
    test = await createTestApp({ clock: systemClock, dashboard })
    await test.app.listen({ port: 0, host: '127.0.0.1' })
    url = `http://localhost:${(test.app.server.address() as AddressInfo).port}`
    browser = await launchChromium(chromiumPath ?? '')
  })
  afterAll(async () => {
    await browser.close()
    await test.close()
  })

  /** As the adapter of a cluster fails once it has waited for its brokers. */
  function takeLogAway(): void {
    const fail = async (): Promise<never> => {
      throw new FaultlineError('log_unavailable', 'reading: no broker answers', {
        remedy: 'check that the brokers run and that this process reaches them',
      })
    }
    Object.assign(test.log, { read: fail, append: fail, topics: fail, endOffset: fail })
    Object.assign(test.log, { beginningOffset: fail })
    Object.assign(test.deps.pipeline, { stages: fail })
  }

  it('[E16] every page has its sentence, the pipeline names the remedy, and the banner tells the age of the data', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    test.reads.data.events = [testEvent({ occurred_at: systemClock.nowMs() })]
    takeLogAway()
    for (const path of ['/incidents', '/issues', '/explore', '/services', '/deploys', '/status']) {
      const answer = await page.goto(`${url}${path}`)
      expect([path, answer?.status()]).toEqual([path, 200])
      expect(await page.locator('h1').innerText()).toMatch(/.{5,}\.$/)
    }
    expect(await page.getByText('The pipeline does not answer.').isVisible()).toBe(true)
    const answer = await page.goto(`${url}/pipeline`)
    expect(answer?.status()).toBe(503)
    expect(await page.locator('h1').innerText()).toContain(
      'The log does not answer, or cannot be written, at the moment.',
    )
    expect(await page.getByText('check that the brokers run').isVisible()).toBe(true)
    await page.goto(url)
    expect(await page.locator('h1').innerText()).toMatch(/\.$/)
    await page.getByRole('alert').waitFor({ timeout: 20_000 })
    expect(await page.getByRole('alert').innerText()).toMatch(/^The stream stopped \d+ s ago\./)
    expect(await page.getByText('the log does not answer').isVisible()).toBe(true)
    await page.close()
  })
})
