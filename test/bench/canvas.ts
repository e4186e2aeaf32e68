/**
 * The canvas with 300 cards and as many links: what its script weighs, and what a drag costs for each frame. Built pages
 * over the made-up API, a real Chromium with software rendering; the room behind it decides by the real rules.
 */
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { serveDashboard } from '#/dashboard/dev/serve.ts'
import { systemClock } from '#/kernel/clock.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from '#/test/e2e/chromium.ts'
import { FakeRoom } from '#/test/e2e/collab-room.ts'
import { copyOfDashboard } from '#/test/e2e/dashboard-build.ts'
import { median, row } from './dashboard.ts'

type Print = (line: string) => void

const CARDS = 300
const COLUMNS = 20
const ROUNDS = 5
const MOVES = 90
const ANN = { id: 'user:ann', name: 'Ann', role: 'responder' } as const

function filledRoom(incidentId: string): FakeRoom {
  const room = new FakeRoom(incidentId)
  room.do(ANN, 'create', { title: 'a canvas', severity: 2 })
  for (let n = 0; n < CARDS; n += 1) {
    const [x, y] = [(n % COLUMNS) * 300, Math.floor(n / COLUMNS) * 170]
    const kind = (['symptom', 'hypothesis', 'action'] as const)[n % 3]
    room.do(ANN, 'card_create', { id: `c${n}`, kind, title: `Card ${n}: what we believe`, x, y })
    if (n > 0)
      room.do(ANN, 'link_add', { id: `l${n}`, from: `c${n - 1}`, to: `c${n}`, kind: 'supports' })
  }
  return room
}

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
    await filledRoom(id).seat(page, ANN)
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

/** A point at which a card really is, with cards around it. */
const MIDDLE_OF_A_CARD = `(() => {
  const plane = document.querySelector('.svelte-flow')
  plane.scrollIntoView({ block: 'center' })
  const { left, top, width, height } = plane.getBoundingClientRect()
  const nodes = [...plane.querySelectorAll('.svelte-flow__node')].map((node) => {
    const box = node.getBoundingClientRect()
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2]
    return { node, x, y, far: Math.hypot(x - left - width / 2, y - top - height / 2) }
  })
  const hit = nodes
    .toSorted((a, b) => a.far - b.far)
    .find(({ node, x, y }) => node.contains(document.elementFromPoint(x, y)))
  return [hit.x, hit.y]
})()`

async function drag(print: Print, page: Page): Promise<void> {
  const client = await page.context().newCDPSession(page)
  await client.send('Performance.enable')
  const metric = async (name: string): Promise<number> => {
    const { metrics } = await client.send('Performance.getMetrics')
    return metrics.find((one) => one.name === name)?.value ?? 0
  }
  await page.getByRole('button', { name: 'Closer' }).click()
  await page.waitForTimeout(1_000)
  const [fps, scriptMs] = [[] as number[], [] as number[]]
  for (let round = 0; round < ROUNDS; round += 1) {
    const [x, y] = await page.evaluate<[number, number]>(MIDDLE_OF_A_CARD)
    await page.mouse.move(x, y)
    await page.mouse.down()
    const script = await metric('ScriptDuration')
    await page.evaluate(`
      globalThis.frames = []
      globalThis.isCounting = true
      requestAnimationFrame(function next(at) {
        frames.push(at)
        if (isCounting) requestAnimationFrame(next)
      })`)
    for (let move = 1; move <= MOVES; move += 1) {
      await page.mouse.move(x + Math.sin(move / 8) * 120, y + Math.cos(move / 8) * 60)
      await systemClock.sleep(8)
    }
    const frames = await page.evaluate<number[]>('isCounting = false, frames')
    if ((await page.locator('.svelte-flow__node.dragging').count()) !== 1)
      throw new Error('nothing is dragged: the figure would be of an idle page')
    const used = ((await metric('ScriptDuration')) - script) * 1000
    await page.mouse.move(x, y)
    await page.mouse.up()
    const gaps = frames.slice(1).map((at, index) => at - (frames[index] ?? 0))
    fps.push(1000 / median(gaps))
    scriptMs.push(used / Math.max(1, gaps.length))
  }
  const said = `${median(fps).toFixed(0)} fps, ${median(scriptMs).toFixed(1)} ms script a frame`
  row(
    print,
    { name: `drag among ${CARDS} cards`, trial: '–', must: '≥ 50 fps or', goal: '≤ 20 ms/frame' },
    said,
    median(fps) >= 50 || median(scriptMs) <= 20,
  )
}
