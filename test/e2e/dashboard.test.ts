/** What people do with the dashboard, in a real browser. */
import { describe, expect, it } from 'vitest'

import { hasChromium, someIds, useDashboard } from './dashboard-fixture.ts'

describe.skipIf(!hasChromium)('the dashboard', () => {
  const stage = useDashboard()
  const served = () => stage.served

  it('[E15] shows real content without JavaScript', async () => {
    const { incident } = await someIds(served().url)
    const html = await (await fetch(`${served().url}/`)).text()
    expect(html).toContain('upstream did not answer within 2000 ms')
    expect(html).toMatch(/<path class="tone-sev-critical[^"]*" d="M0 /)
    const now = await stage.visit('/', { javaScriptEnabled: false })
    expect(await now.locator('[data-row]').count()).toBeGreaterThan(10)
    await now.locator('[data-row]').first().click()
    expect(now.url()).toContain('/incidents/')
    expect(await now.getByText('Sum, of at most 6.30').isVisible()).toBe(true)
    const detail = await stage.visit(`/incidents/${incident}`, { javaScriptEnabled: false })
    expect(await detail.getByText('Timeline, UTC').isVisible()).toBe(true)
    const status = await stage.visit('/status', { javaScriptEnabled: false })
    expect(await status.locator('script').count()).toBe(0)
    expect(await status.getByText('SEV1').first().isVisible()).toBe(true)
  })

  it('/status is small and has no script even with JavaScript on', async () => {
    const html = await (await fetch(`${served().url}/status`)).text()
    expect(html).not.toContain('<script')
    expect(html.length).toBeLessThan(10_240)
  })

  it('[E3] a new incident is announced without a reload and joins when asked', async () => {
    const page = await stage.visit('/')
    const before = await page.locator('[data-row]').first().innerText()
    const startedMs = Date.now()
    served().mock.openIncident()
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

  it('[E3] where no row stands that could move, a new incident shows at once', async () => {
    served().mock.empty(true)
    const page = await stage.visit('/')
    served().mock.empty(false)
    served().mock.openIncident()
    await page.getByText('PoolExhausted: no free connection').first().waitFor({ timeout: 5000 })
    expect(await page.getByText('No incident is open.').count()).toBe(0)
  })

  it('[E3] numbers of a known incident change in place', async () => {
    const page = await stage.visit('/')
    const { incident } = await someIds(served().url)
    const row = page.locator('tr', { has: page.locator(`a[href="/incidents/${incident}"]`) })
    const before = await row.innerText()
    served().mock.updateIncident(incident)
    const link = JSON.stringify(`a[href="/incidents/${incident}"]`)
    await expect
      .poll(() => page.evaluate(`document.querySelector(${link})?.closest('tr')?.innerText`), {
        timeout: 2000,
      })
      .not.toBe(before)
  })

  it('[E4] an incident explains itself: severity as a sum, labelled summary, causes, samples with stacks', async () => {
    const { incident } = await someIds(served().url)
    const page = await stage.visit(`/incidents/${incident}`)
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

  it('[C13] [C17] says until when it is silenced, and how familiar it is', async () => {
    const incidents = await fetch(`${served().url}/api/incidents?q=%23138`)
    const [row] = ((await incidents.json()) as { items: { id: string }[] }).items
    const page = await stage.visit(`/incidents/${row?.id}`)
    expect(await page.locator('[data-silenced]').innerText()).toMatch(
      /^Silenced until .* UTC: new disks in rack 4\. It counts and is shown, and nobody is notified\.$/,
    )
    expect(await page.getByText(/of \d+ incidents of the 30 days before/).isVisible()).toBe(true)
  })

  it('[E8] [E11] deploys are marked on charts and listed with the errors before and after', async () => {
    const page = await stage.visit('/')
    expect(await page.locator('.markers a', { hasText: 'payments v412' }).count()).toBe(1)
    await page.goto(`${served().url}/deploys`)
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toMatch(/^Errors rose after/)
    expect(await page.locator('tr', { hasText: 'payments v412' }).innerText()).toMatch(/× \d+/)
  })

  it('[E2] a range dragged on a chart lands in the address and on the whole page', async () => {
    const page = await stage.visit('/')
    const box = await page.getByRole('slider').first().boundingBox()
    if (box === null) throw new Error('no chart')
    await page.mouse.move(box.x + box.width * 0.25, box.y + 40)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40, { steps: 4 })
    await page.mouse.up()
    await page.getByRole('button', { name: 'Zoom in' }).click()
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
    const page = await stage.visit('/explore')
    const rows = page.locator('[data-item]')
    served().mock.burst(100_000)
    await expect
      .poll(() => page.locator('[data-shown]').innerText(), { timeout: 60_000 })
      .toBe('100,000')
    expect(await rows.count()).toBeLessThanOrEqual(60)
    const list = `document.querySelector('[aria-label="Events, newest first"]')`
    for (const share of [0.1, 0.5, 0.99]) {
      await page.evaluate(`${list}.scrollTop = ${list}.scrollHeight * ${share}`)
      await page.waitForTimeout(100)
      const top = await page.evaluate<number>(`${list}.scrollTop`)
      expect(top).toBeGreaterThan(300_000 * share)
      expect(await rows.count()).toBeGreaterThan(10)
      expect(await rows.count()).toBeLessThanOrEqual(60)
    }
    const reading = await rows.nth(12).innerText()
    await page.locator('[data-resume]').waitFor()
    await page.waitForTimeout(500)
    expect(await rows.nth(12).innerText()).toBe(reading)
    expect(await page.locator('[data-resume]').innerText()).toMatch(/^Paused · [\d.k]+ waiting$/)
    await page.locator('[data-resume]').click()
    expect(await page.evaluate(`${list}.scrollTop`)).toBe(0)
  })

  it('[E1] a row opens with all its fields and nothing moves meanwhile', async () => {
    const page = await stage.visit('/explore')
    const button = page.locator('[data-item] button').nth(3)
    await button.click()
    expect(await page.getByText('attributes.region').isVisible()).toBe(true)
    const before = await button.boundingBox()
    await page.waitForTimeout(800)
    expect(await button.boundingBox()).toEqual(before)
  })

  it('[E7] after a cut the stream goes on: nothing missing, nothing twice', async () => {
    const page = await stage.visit('/explore')
    // At least one frame, so that there is a place to go on from.
    await page.waitForTimeout(600)
    served().mock.stop()
    await page.waitForTimeout(300)
    served().mock.cut()
    served().mock.burst(200)
    await expect
      .poll(() => page.locator('[data-item]').first().getAttribute('data-item'), {
        timeout: 10_000,
      })
      .toContain(` ${served().mock.lastEventId()}`)
    const seen = await page.evaluate<number[]>(
      `[...document.querySelectorAll('[data-item]')].map((row) => Number(row.dataset.item.split(' ev-')[1]))`,
    )
    expect(seen.length).toBeGreaterThan(20)
    expect(seen).toEqual(seen.map((_, index) => (seen[0] ?? 0) - index))
  })

  it('[E12] works by keyboard alone', async () => {
    const page = await stage.visit('/')
    await page.keyboard.press('g')
    await page.keyboard.press('i')
    await page.waitForURL(/\/incidents$/)
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    const second = await page.locator('[data-row]').nth(1).innerText()
    expect(await page.evaluate('document.activeElement.innerText')).toBe(second)
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
    const page = await stage.visit('/')
    const cursor = page.getByRole('slider').first()
    await cursor.focus()
    await page.keyboard.press('End')
    await page.keyboard.press('ArrowLeft')
    expect(await cursor.getAttribute('aria-valuetext')).toMatch(/^\d\d:\d\d:\d\d · .*\d+ info/)
    expect(await page.locator('[data-readout]').first().innerText()).toMatch(/^\d\d:\d\d:\d\d · /)
  })
})
