/** axe over every page in every state and both themes, with what it found in the output of the run. */
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'

import { everyPage, hasChromium, seriousViolations, useDashboard } from './dashboard-fixture.ts'

const THEMES = ['light', 'dark'] as const
/** Pages that say something of their own when there is no data. */
const LISTS = [
  '/',
  '/incidents',
  '/issues',
  '/explore',
  '/deploys',
  '/services',
  '/journey',
  '/sql',
]

describe.skipIf(!hasChromium)('axe', () => {
  const stage = useDashboard()

  it('[E14] finds nothing on any page, full, empty, stale, loading or failed, light or dark', async () => {
    const { served } = stage
    const found: string[] = []
    let scans = 0
    const page = await stage.newPage()
    /** Both themes of what is shown: the theme is an attribute, so nothing is loaded again. */
    const scan = async (state: string, path: string): Promise<void> => {
      for (const theme of THEMES) {
        await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`)
        const violations = await seriousViolations(page, 'any')
        scans += 1
        const said = violations.map((one) => `${state} ${theme} ${path}: ${one}`)
        for (const one of said) process.stdout.write(`axe: ${one}\n`)
        found.push(...said)
      }
    }
    const open = async (path: string): Promise<void> => {
      await page.goto(`${served.url}${path}`, { waitUntil: 'domcontentloaded' })
      await page.waitForTimeout(200)
    }

    const pages = await everyPage(served.url)
    for (const path of pages) {
      await open(path)
      await scan('full', path)
    }
    served.mock.empty(true)
    for (const path of LISTS) {
      await open(path)
      await scan('empty', path)
    }
    served.mock.empty(false)

    served.mock.fail(true)
    for (const path of [
      '/',
      '/explore',
      '/services',
      '/incidents/none',
      '/sql',
      '/pipeline',
      '/pipeline/replay-diff',
      '/journey?user_id=u-1',
      '/status',
      '/nowhere',
    ]) {
      await open(path)
      await scan('error', path)
    }
    served.mock.fail(false)

    for (const path of [
      '/',
      '/incidents',
      '/explore',
      '/services',
      '/issues',
      '/deploys',
      '/sql',
      '/pipeline',
    ]) {
      await stale(page, `${served.url}${path}`)
      await scan('stale', path)
      served.mock.fail(false)
    }

    await open('/')
    await page.route('**/__data.json*', () => new Promise(() => undefined))
    await page.getByRole('link', { name: 'Services', exact: true }).click()
    await page.waitForTimeout(200)
    // What was there stays until the next page has its data; no spinner takes the screen.
    expect(await page.locator('main table').first().isVisible()).toBe(true)
    await scan('loading', '/services')

    process.stdout.write(`\naxe: ${scans} scans, ${found.length} violations of any kind\n`)
    expect(found).toEqual([])
    expect(scans).toBeGreaterThanOrEqual(80)
  }, 900_000)

  async function stale(page: Page, address: string): Promise<void> {
    await page.goto(address)
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor()
    stage.served.mock.fail(true)
    await page.getByRole('alert').waitFor({ timeout: 20_000 })
  }
})
