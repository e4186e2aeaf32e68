/** axe over every page in every state and both themes, with what it found in the output of the run. */
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'

import { everyPage, hasChromium, seriousViolations, useDashboard } from './dashboard-fixture.ts'

const THEMES = ['light', 'dark'] as const
/** Pages that are looked at side by side: each has a process of its own in the browser. */
const AT_ONCE = 2
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
const FAILING = [
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
]
const STALE = [
  '/',
  '/incidents',
  '/explore',
  '/services',
  '/issues',
  '/deploys',
  '/sql',
  '/pipeline',
]

describe.skipIf(!hasChromium)('axe', () => {
  const stage = useDashboard()

  it('[E14] finds nothing on any page, full, empty, stale, loading or failed, light or dark', async () => {
    const { served } = stage
    const found: string[] = []
    let scans = 0
    /** Both themes of what is shown: the theme is an attribute, so nothing is loaded again. */
    const scan = async (page: Page, state: string, path: string): Promise<void> => {
      for (const theme of THEMES) {
        await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`)
        const violations = await seriousViolations(page, 'any')
        scans += 1
        const said = violations.map((one) => `${state} ${theme} ${path}: ${one}`)
        for (const one of said) process.stdout.write(`axe: ${one}\n`)
        found.push(...said)
      }
    }
    const scanAll = async (state: string, paths: readonly string[]): Promise<void> => {
      const waiting = [...paths]
      const work = async (): Promise<void> => {
        const page = await stage.newPage()
        for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
          await page.goto(`${served.url}${path}`, { waitUntil: 'domcontentloaded' })
          await page.waitForTimeout(200)
          await scan(page, state, path)
        }
        await page.close()
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work))
    }

    await scanAll('full', [...(await everyPage(served.url)), '/login', '/setup', '/settings'])
    served.mock.empty(true)
    await scanAll('empty', LISTS)
    served.mock.empty(false)
    served.mock.fail(true)
    await scanAll('error', FAILING)
    served.mock.fail(false)

    // One outage for all of them, as tabs of one browser.
    const [first, ...others] = STALE
    const tabs = [await stage.visit(first ?? '')]
    for (const path of others) {
      const tab = await tabs[0]?.context().newPage()
      await tab?.goto(`${served.url}${path}`)
      await tab?.getByRole('button', { name: 'Live', exact: true }).waitFor()
      if (tab !== undefined) tabs.push(tab)
    }
    served.mock.fail(true)
    await Promise.all(tabs.map((tab) => tab.getByRole('alert').waitFor({ timeout: 30_000 })))
    for (const [index, tab] of tabs.entries()) await scan(tab, 'stale', STALE[index] ?? '')
    served.mock.fail(false)

    const page = await stage.visit('/')
    await page.route('**/__data.json*', () => new Promise(() => undefined))
    await page.getByRole('link', { name: 'Services', exact: true }).click()
    await page.waitForTimeout(200)
    // What was there stays until the next page has its data; no spinner takes the screen.
    expect(await page.locator('main table').first().isVisible()).toBe(true)
    await scan(page, 'loading', '/services')

    process.stdout.write(`\naxe: ${scans} scans, ${found.length} violations of any kind\n`)
    expect(found).toEqual([])
    expect(scans).toBeGreaterThanOrEqual(80)
  }, 900_000)
})
