/** A summary by a model on a real page: what it rests on opens as rows, and is counted again in one click. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { startTestEndpoint } from '#/processors/ai/test-endpoint.ts'
import type { TestEndpoint } from '#/processors/ai/test-endpoint.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from './chromium.ts'
import { seriousViolations } from './dashboard-fixture.ts'
import { startPlatform } from './platform.ts'
import type { RunningPlatform } from './platform.ts'
import { waitFor } from './processes.ts'
import { failures, quietPast } from './traffic.ts'

const chromiumPath = await findChromium()
if (chromiumPath === null) process.stderr.write(`\n!! SKIPPED: ${CHROMIUM_REMEDY}\n\n`)

interface Row {
  id: string
}

describe.skipIf(chromiumPath === null)('a summary by a model on the page of its incident', () => {
  let endpoint: TestEndpoint
  let platform: RunningPlatform
  let browser: Browser
  beforeAll(async () => {
    endpoint = await startTestEndpoint()
    const environment = { FAULTLINE_AI_URL: endpoint.url, FAULTLINE_AI_MODEL: 'mock-1' }
    platform = await startPlatform({ environment })
    browser = await launchChromium(chromiumPath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await platform?.stop()
    await endpoint?.[Symbol.asyncDispose]()
  })

  it('[I1] [I7] [N11] names its facts; one opens its rows, all are counted again, late data marks a sentence', async () => {
    await platform.post(quietPast({ service: 'orders', minutes: 80, nowMs: systemClock.nowMs() }))
    await systemClock.sleep(1_500)
    const outageAtMs = systemClock.nowMs()
    await platform.post(failures({ service: 'orders', count: 120 }))
    const id = await waitFor(
      async () => (await platform.get<{ items: Row[] }>('/api/incidents')).items[0]?.id,
      { what: 'the incident', withinMs: 60_000, everyMs: 200 },
    )
    await waitFor(
      async () => {
        const { summary } = await platform.get<{ summary: { fallback: boolean } | null }>(
          `/api/incidents/${id}`,
        )
        return summary?.fallback === false
      },
      { what: 'the summary by the model', withinMs: 90_000, everyMs: 300 },
    )
    const page = await browser.newPage()
    // Opened before the scripts have come, as on a slow line.
    const scripts = Promise.withResolvers<void>()
    await page.route('**/*.js', async (route) => {
      await scripts.promise
      await route.continue()
    })
    await page.goto(`${platform.url}/incidents/${id}`, { waitUntil: 'commit' })
    await page.locator('[data-origin=ai]').waitFor()
    await page.getByText('facts it rests on').click()
    scripts.resolve()
    const fact = page.locator('[data-fact]').first()
    await fact.waitFor()
    expect(await seriousViolations(page)).toEqual([])

    await page.locator('[data-count-again]').click()
    const said = page.locator('[data-recount]')
    await said.getByText(/same facts as before|rest on facts that have changed/).waitFor()

    const late = failures({ service: 'orders', count: 40 })
    await platform.post(late.map((event) => ({ ...event, occurred_at: outageAtMs + 400 })))
    await systemClock.sleep(1_000)
    await page.locator('[data-count-again]').click()
    await said.getByText('rest on facts that have changed').waitFor()
    expect(await page.locator('[data-changed]').count()).toBeGreaterThan(0)

    await fact.click()
    await page.waitForURL(/\/sql\?q=/)
    await page.getByText(/\d+ rows? in/).waitFor()
    await page.close()
  })
})
