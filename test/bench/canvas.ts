/**
 * The canvas with 300 cards and as many links: what its script weighs, and what a drag costs for each frame. Built pages
 * over the made-up API, a real Chromium with software rendering; the room behind it decides by the real rules.
 */
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { serveDashboard } from '#/dashboard/dev/serve.ts'
import { systemClock } from '#/kernel/clock.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from '#/test/e2e/chromium.ts'
import { dragCard, filledRoom } from '#/test/e2e/canvas-drag.ts'
import { copyOfDashboard } from '#/test/e2e/dashboard-build.ts'
import { median, row } from './dashboard.ts'

type Print = (line: string) => void

const CARDS = 300
const ROUNDS = 5
const MOVES = 90
const ANN = { id: 'user:ann', name: 'Ann', role: 'responder' } as const

export async function run(print: Print): Promise<void> {
  const path = await findChromium()
  if (path === null) throw new Error(CHROMIUM_REMEDY)
  await using build = await copyOfDashboard()
  const browser = await launchChromium(path)
  const served = await serveDashboard({
    buildDir: build.dir,
    seed: 7,
    now: () => systemClock.nowMs(),
  })
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    const incidents = (await (await fetch(`${served.url}/api/incidents`)).json()) as {
      items: { id: string }[]
    }
    const id = incidents.items[0]?.id ?? ''
    await filledRoom(id, CARDS).seat(page, ANN)
    await weigh(print, page, `${served.url}/incidents/${id}/canvas`)
    await drag(print, page)
  } finally {
    await browser.close()
    await served.close()
  }
}

/** What the plane adds, as against the same page as an outline. */
async function weigh(print: Print, page: Page, url: string): Promise<void> {
  const scripts: string[] = []
  page.on('request', (request) => {
    if (request.url().endsWith('.js')) scripts.push(request.url())
  })
  await page.goto(`${url}?view=outline`)
  await page.locator('[data-outline]').first().waitFor()
  const before = scripts.length
  await page.getByRole('button', { name: 'Plane' }).click()
  await page
    .locator('.svelte-flow__node')
    .nth(CARDS - 1)
    .waitFor()
  let bytes = 0
  for (const script of scripts.slice(before))
    bytes += gzipSync(Buffer.from(await (await fetch(script)).arrayBuffer())).length
  const kilobytes = bytes / 1024
  row(
    print,
    { name: 'lazy canvas (gz)', trial: '53 KB', must: '≤ 60 KB', goal: '≤ 60 KB' },
    `${kilobytes.toFixed(1)} KB`,
    kilobytes <= 60,
  )
}

async function drag(print: Print, page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Closer' }).click()
  await page.waitForTimeout(1_000)
  const rounds = await dragCard(page, { rounds: ROUNDS, moves: MOVES })
  const [fps, scriptMs] = [rounds.map((one) => one.fps), rounds.map((one) => one.scriptMs)]
  const said = `${median(fps).toFixed(0)} fps, ${median(scriptMs).toFixed(1)} ms script a frame`
  row(
    print,
    { name: `drag among ${CARDS} cards`, trial: '–', must: '≥ 50 fps or', goal: '≤ 20 ms/frame' },
    said,
    median(fps) >= 50 || median(scriptMs) <= 20,
  )
}
