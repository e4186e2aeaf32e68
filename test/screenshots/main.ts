/** The pictures of the README, of a platform that plays the demo: `npm run screenshots`. */
import { execFile } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BrowserContext, Page } from 'playwright-core'
import { explainFailure } from '#/cli/main.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from '#/test/e2e/chromium.ts'
import { startPlatform, type RunningPlatform } from '#/test/e2e/platform.ts'
import { waitFor } from '#/test/e2e/processes.ts'
import { ANN, BEN, fillRoom, register, signedIn } from './room.ts'

const FOLDER = join(import.meta.dirname, '../../docs/images')
const BYTES_MAX = 150 * 1024
const QUALITY = 90
/** The demo's bad release goes out after a minute; some more of it makes charts worth looking at. */
const STORY_MS_MAX = 300_000
const GOES_ON_MS = 60_000

interface Incident {
  id: string
  severity: number
}

/** By the same code as `npm start`, and only when its sources changed. */
async function buildDashboard(): Promise<void> {
  const boot = join(import.meta.dirname, '../../cli/boot.js')
  const env = { ...process.env, NODE_ENV: 'production', FAULTLINE_BOOTED: '1' }
  await promisify(execFile)(process.execPath, [boot, 'dev', 'build'], { env })
}

const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** As WebP, which is half of what a PNG of the same page takes. */
async function take(page: Page, name: string): Promise<void> {
  await page.evaluate('document.fonts.ready')
  // What the API says of a change just seen follows the stream within five seconds.
  await page.waitForTimeout(6_500)
  const debug = await page.context().newCDPSession(page)
  const format = { format: 'webp', quality: QUALITY } as const
  const { data } = await debug.send('Page.captureScreenshot', format)
  const path = join(FOLDER, `${name}.webp`)
  writeFileSync(path, Buffer.from(data, 'base64'))
  const { size } = statSync(path)
  print(`${name}.webp ${(size / 1024).toFixed(0)} KB`)
  if (size > BYTES_MAX)
    throw new FaultlineError('internal', `${name}.webp has ${size} bytes; ${BYTES_MAX} at most`)
}

async function worst(platform: RunningPlatform): Promise<Incident> {
  const read = async (): Promise<Incident | undefined> => {
    const page = await platform.get<{ items: Incident[] }>(
      '/api/incidents?status=open&sort=severity&order=desc',
    )
    return page.items[0]
  }
  print('waiting for the story, some two minutes …')
  await waitFor(read, {
    what: 'an incident of the demo',
    withinMs: STORY_MS_MAX,
    everyMs: 2_000,
  })
  await systemClock.sleep(GOES_ON_MS)
  const found = await read()
  if (found === undefined) throw new FaultlineError('internal', 'the incident of the demo is gone')
  return found
}

async function open(context: BrowserContext, url: string, path: string): Promise<Page> {
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  await page.goto(`${url}${path}`)
  await page.getByRole('button', { name: 'Live', exact: true }).waitFor()
  return page
}

async function pictures(platform: RunningPlatform, executable: string): Promise<void> {
  const { id } = await worst(platform)
  const tokens = await register(platform)
  await fillRoom(platform.url, id, tokens)
  const browser = await launchChromium(executable)
  try {
    const dark = await signedIn(browser, platform.url, { email: ANN.email, theme: 'dark' })
    const light = await signedIn(browser, platform.url, { email: ANN.email, theme: 'light' })
    const other = await signedIn(browser, platform.url, { email: BEN.email, theme: 'dark' })
    await open(other, platform.url, `/incidents/${id}/canvas?view=plane`)
    const shots = [
      [dark, '/', 'now-dark', 'canvas'],
      [light, '/', 'now-light', 'canvas'],
      [dark, `/incidents/${id}`, 'incident-dark', 'h1'],
      [light, '/explore?event_type=error&t=15m', 'explore-light', 'canvas'],
      [dark, '/services', 'services-dark', 'svg'],
      [dark, `/incidents/${id}/canvas?view=plane`, 'canvas-dark', '[data-card]'],
      [light, '/settings', 'settings-light', 'h1'],
    ] as const
    for (const [context, path, name, ready] of shots) {
      const page = await open(context, platform.url, path)
      await page.locator(ready).first().waitFor()
      await take(page, name)
      await page.close()
    }
    await take(await sandboxOf(dark, platform.url, id), 'drill-dark')
  } finally {
    await browser.close()
  }
}

/** The incident as it comes again in a drill of it. */
async function sandboxOf(context: BrowserContext, url: string, id: string): Promise<Page> {
  const page = await open(context, url, `/incidents/${id}`)
  await page.getByRole('link', { name: 'Run a drill' }).click()
  await page.getByRole('button', { name: 'Start' }).click()
  const [sandbox] = await Promise.all([
    context.waitForEvent('page', { timeout: 120_000 }),
    page.locator('[data-open]').click({ timeout: 120_000 }),
  ])
  await sandbox.locator('main a[href*="/incidents/"]').first().click({ timeout: 120_000 })
  await sandbox.locator('[data-progress]').waitFor()
  await sandbox
    .locator('[data-kpi="Errors"]')
    .filter({ hasNotText: /^0$/ })
    .waitFor({ timeout: 120_000 })
  await sandbox.locator('canvas').first().waitFor()
  return sandbox
}

async function main(): Promise<void> {
  const executable = await findChromium()
  if (executable === null)
    throw new FaultlineError('usage', 'pictures need a browser', { remedy: CHROMIUM_REMEDY })
  mkdirSync(FOLDER, { recursive: true })
  await buildDashboard()
  await using platform = await startPlatform({ args: ['--demo'], readyMsMax: 300_000 })
  print(`the demo plays at ${platform.url}`)
  await pictures(platform, executable)
  await platform.stop()
}

try {
  await main()
} catch (error) {
  process.stderr.write(explainFailure(error))
  process.exitCode = 1
}
