/**
 * The built dashboard over the made-up API of dashboard/dev, and a real browser in front of it. What runs inside
 * of a page is given as text: these files are checked as Node's, where there is no document.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest'

import type { Served } from '#/dashboard/dev/serve.ts'
import { serveDashboard } from '#/dashboard/dev/serve.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from './chromium.ts'

export const chromiumPath = await findChromium()
if (chromiumPath === null) process.stderr.write(`\nSKIPPED, NOT PASSED: ${CHROMIUM_REMEDY}\n\n`)
export const hasChromium = chromiumPath !== null

export interface Stage {
  readonly served: Served
  /** A page that reports what goes wrong in it. */
  newPage(options?: BrowserContextOptions): Promise<Page>
  /** A page at an address, live. */
  visit(path: string, options?: BrowserContextOptions): Promise<Page>
}

/** Sets up the dashboard and the browser for the tests of a file. */
export function useDashboard(): Stage {
  let served: Served | undefined
  let browser: Browser | undefined
  /** Exceptions, refused styles or scripts, requests elsewhere, fonts: in any page of a test. */
  let complaints: string[] = []
  const open: Page[] = []

  beforeAll(async () => {
    served = await serveDashboard({
      buildDir: inject('dashboardBuild'),
      seed: 7,
      now: () => Date.now(),
    })
    browser = await launchChromium(chromiumPath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await served?.close()
  })
  afterEach(async () => {
    served?.mock.fail(false)
    served?.mock.breakPart('')
    served?.mock.empty(false)
    served?.mock.start()
    await Promise.all(open.splice(0).map((page) => page.context().close()))
    const seen = complaints
    complaints = []
    expect(seen).toEqual([])
  })

  const stage: Stage = {
    get served() {
      if (served === undefined) throw new Error('the dashboard is not up')
      return served
    },
    async newPage(options = {}) {
      if (browser === undefined) throw new Error('the browser is not up')
      const context = await browser.newContext({
        viewport: { width: 1440, height: 900 },
        ...options,
      })
      const page = await context.newPage()
      page.setDefaultTimeout(10_000)
      listen(page, stage.served.url, (complaint) => complaints.push(complaint))
      open.push(page)
      return page
    },
    async visit(path, options = {}) {
      const page = await stage.newPage(options)
      await page.goto(`${stage.served.url}${path}`)
      if (options.javaScriptEnabled !== false && !/^\/(?:status|print)/.test(path))
        await page.getByRole('button', { name: 'Live', exact: true }).waitFor()
      return page
    },
  }
  return stage
}

function listen(page: Page, origin: string, complain: (text: string) => void): void {
  page.on('pageerror', (error) => complain(error.message))
  page.on('console', (message) => {
    // A page that does not exist, or an API that is down, is logged by the browser itself.
    const isExpected = /status of (4|5)\d\d|ERR_INCOMPLETE|ERR_CONNECTION/.test(message.text())
    if (message.type() === 'error' && !isExpected) complain(message.text())
  })
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(origin) || /^(data|blob):/.test(request.url())
    if (!isOwn) complain(`request to ${request.url()}`)
    if (request.resourceType() === 'font') complain(`font ${request.url()}`)
  })
}

/** An incident with a suspected deploy, and an issue. */
export async function someIds(url: string): Promise<{ incident: string; issue: string }> {
  const first = async (path: string): Promise<Record<string, string>> => {
    const response = await fetch(`${url}${path}`)
    return ((await response.json()) as { items: Record<string, string>[] }).items[0] ?? {}
  }
  const incident = await first('/api/incidents?q=%23140')
  const issue = await first('/api/issues')
  return { incident: incident['id'] ?? '', issue: issue['fingerprint'] ?? '' }
}

export async function everyPage(url: string): Promise<readonly string[]> {
  const { incident, issue } = await someIds(url)
  return [
    '/',
    '/incidents',
    `/incidents/${incident}`,
    `/incidents/${incident}/canvas`,
    '/issues',
    `/issues/${issue}`,
    '/explore',
    '/deploys',
    '/services',
    '/services/checkout',
    '/ask?q=Which+incidents+are+open%3F',
    '/ask?q=a+poem',
    '/knowledge',
    '/sql?q=SELECT+1',
    '/journey?user_id=u-12',
    '/pipeline',
    '/pipeline/deliveries',
    '/pipeline/replay-diff',
    '/pipeline/detectors',
    '/pipeline/sweep',
    '/drills?incident=12',
    '/drills/2',
    `/print/${incident}`,
    '/status',
  ]
}

/** Counts layout shifts from now on, as the browser does; returns how to read the sum. */
export async function watchShifts(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(`
    globalThis.shifted = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.shifted += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  `)
  return () => page.evaluate<number>('globalThis.shifted')
}

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

interface AxeAnswer {
  violations: { id: string; impact: string; nodes: { html: string }[] }[]
}

/** Through the debugger, so that the content security policy of the page stands. */
export async function seriousViolations(
  page: Page,
  impacts: 'serious' | 'any' = 'serious',
): Promise<readonly string[]> {
  if (!(await page.evaluate<boolean>("'axe' in globalThis")))
    await page.evaluate(await readFile(axePath, 'utf8'))
  const { violations } = await page.evaluate<AxeAnswer>(
    "axe.run({ resultTypes: ['violations'], preload: false })",
  )
  return violations
    .filter(({ impact }) => impacts === 'any' || impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)
}
