/**
 * The budgets of the dashboard, each with what it must reach and its goal: built pages over the made-up API in a real
 * Chromium (software rendering), and the way of an event through a whole platform onto the screen. Times on a shared
 * machine are noise: medians are told, ratios to a one-line page, and the load beside every figure.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { loadavg } from 'node:os'
import { gzipSync } from 'node:zlib'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { Served } from '#/dashboard/dev/serve.ts'
import { serveDashboard } from '#/dashboard/dev/serve.ts'
import { systemClock } from '#/kernel/clock.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from '#/test/e2e/chromium.ts'
import { copyOfDashboard } from '#/test/e2e/dashboard-build.ts'
import { eventToPixel } from './dashboard-pixel.ts'

type Print = (line: string) => void
type Judge = (value: number) => boolean

export interface Budget {
  name: string
  trial: string
  must: string
  goal: string
}

interface Bench {
  print: Print
  browser: Browser
  served: Served
  seconds: number
}

const ROUNDS = 5
const VIEWPORT = { width: 1440, height: 900 }

export function row(print: Print, budget: Budget, ours: string, reached: boolean | null): void {
  const verdict = reached === null ? '' : reached ? ' reached' : ' MISSED'
  const load = (loadavg()[0] ?? 0).toFixed(1)
  print(
    `${budget.name.padEnd(46)} trial ${budget.trial.padEnd(16)} must ${budget.must.padEnd(14)} goal ${budget.goal.padEnd(12)} ours ${ours}${verdict} (load ${load})`,
  )
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const share = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ??
  Number.NaN

export async function run(
  print: Print,
  { seconds = 20, minutes }: { seconds?: number; minutes?: number } = {},
): Promise<void> {
  const path = await findChromium()
  if (path === null) throw new Error(CHROMIUM_REMEDY)
  await using build = await copyOfDashboard()
  const browser = await launchChromium(path)
  const served = await serveDashboard({
    buildDir: build.dir,
    seed: 7,
    now: () => systemClock.nowMs(),
    everyMs: 33,
    eventsPerFrame: 33,
  })
  const bench = { print, browser, served, seconds: minutes === undefined ? seconds : minutes * 60 }
  try {
    await sizes(bench)
    await paints(bench)
    await calm(bench)
    await interactions(bench)
    await scrolling(bench)
    await tabs(bench)
  } finally {
    await served.close()
  }
  const pixel = await eventToPixel({ browser, seconds })
  const said = `${pixel.p50.toFixed(0)}/${pixel.p99.toFixed(0)} ms over ${pixel.count} events at ${pixel.perSecond.toFixed(0)}/s`
  const budget = {
    name: 'event accepted → pixel, p50/p99',
    trial: '36/94 ms*',
    must: '150/500 ms',
    goal: '60/150 ms',
  }
  row(print, budget, said, pixel.p50 <= 150 && pixel.p99 <= 500)
  print(
    '* trial without the pipeline. Lighthouse is not run: it is not among the dependencies. Its parts that matter',
  )
  print(
    '  here are measured above (LCP, CLS, INP, bytes), accessibility by axe in test/e2e/dashboard-axe.test.ts.',
  )
  await browser.close()
}

async function sizes({ print, browser, served }: Bench): Promise<void> {
  const context = await browser.newContext({ viewport: VIEWPORT })
  const page = await context.newPage()
  const scripts = new Map<string, boolean>()
  let [foreign, fonts, isIdle] = [0, 0, false]
  page.on('request', (request) => {
    if (!request.url().startsWith(served.url) && !/^(data|blob):/.test(request.url())) foreign += 1
    if (request.resourceType() === 'font') fonts += 1
    if (request.url().endsWith('.js')) scripts.set(request.url(), isIdle)
  })
  await page.goto(served.url, { waitUntil: 'networkidle' }).catch(() => undefined)
  await page.locator('canvas').first().waitFor()
  isIdle = true
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox').waitFor()
  const bytes = new Map<string, number>()
  for (const url of scripts.keys())
    bytes.set(url, gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length / 1024)
  const charts = Math.max(...bytes.values())
  const of = (late: boolean): number =>
    [...scripts].reduce(
      (sum, [url, isLate]) => sum + (isLate === late ? (bytes.get(url) ?? 0) : 0),
      0,
    )
  // What the page names comes before anything works; the rest is asked for by script, once it does.
  const html = await (await fetch(served.url)).text()
  const first = [...bytes]
    .filter(([url]) => html.includes(new URL(url).pathname))
    .reduce((sum, [, size]) => sum + size, 0)
  const kb = (name: string, trial: string, must: number, goal: number, ours: number): void =>
    row(
      print,
      { name, trial, must: `≤ ${must} KB`, goal: `≤ ${goal} KB` },
      `${ours.toFixed(1)} KB`,
      ours <= must,
    )
  kb('JS on first load of / (gz)', '47 KB', 60, 50, first)
  print(
    `  of its own, once the page works, beside the charts: ${(of(false) - charts - first).toFixed(1)} KB`,
  )
  kb('lazy charts (gz)', '167 KB', 180, 177, charts)
  kb('lazy palette (gz)', '20 KB', 10, 4, of(true))
  row(
    print,
    { name: 'third-party requests, fonts', trial: '0', must: '0', goal: '0' },
    `${foreign}, ${fonts}`,
    foreign + fonts === 0,
  )
  await context.close()
}

const LCP = `new Promise((resolve) => {
  let last = 0
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) last = entry.startTime })
    .observe({ type: 'largest-contentful-paint', buffered: true })
  setTimeout(() => resolve(last), 1200)
})`

async function lcpOf(browser: Browser, url: string, isSlow: boolean): Promise<number> {
  const context = await browser.newContext({
    viewport: isSlow ? { width: 390, height: 844 } : VIEWPORT,
  })
  const page = await context.newPage()
  if (isSlow) {
    const debug = await context.newCDPSession(page)
    // Lighthouse's slow 4G: 150 ms round trip, 1.6 Mbit/s.
    const speed = (1_600_000 / 8) * 0.9
    await debug.send('Network.enable')
    await debug.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 150,
      downloadThroughput: speed,
      uploadThroughput: speed / 2,
    })
    await debug.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  }
  await page.goto(url, { waitUntil: 'load' })
  const value = await page.evaluate<number>(LCP)
  await context.close()
  return value
}

async function paints({ print, browser, served }: Bench): Promise<void> {
  const floor = createServer((_, response) => {
    response.setHeader('content-type', 'text/html')
    response.end('<!doctype html><html lang="en"><title>x</title><p>One line of text.</p></html>')
  })
  await new Promise<void>((resolve) => floor.listen(0, '127.0.0.1', resolve))
  const floorUrl = `http://127.0.0.1:${(floor.address() as AddressInfo).port}/`
  const [floors, ours, slow]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < ROUNDS; round += 1) {
    floors.push(await lcpOf(browser, floorUrl, false))
    ours.push(await lcpOf(browser, served.url, false))
    slow.push(await lcpOf(browser, served.url, true))
  }
  floor.close()
  const ratio = median(ours) / median(floors)
  const local = {
    name: 'LCP local, × a one-line page',
    trial: '232–296 ms',
    must: '≤ 4.5',
    goal: '≤ 3.5',
  }
  row(
    print,
    local,
    `× ${ratio.toFixed(1)} (${median(ours).toFixed(0)} / ${median(floors).toFixed(0)} ms)`,
    ratio <= 4.5,
  )
  const far = {
    name: 'LCP slow 4G, CPU ÷ 4',
    trial: '1,008 ms',
    must: '≤ 1,300 ms',
    goal: '≤ 1,000 ms',
  }
  row(print, far, `${median(slow).toFixed(0)} ms`, median(slow) <= 1300)
}

async function live(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  await page.goto(url)
  await page.getByRole('button', { name: 'Live', exact: true }).waitFor()
  return page
}

/** Layout shifts, and whether what is under the pointer ever moves. */
async function calm({ print, browser, served, seconds }: Bench): Promise<void> {
  const context = await browser.newContext({ viewport: VIEWPORT })
  const page = await live(context, served.url)
  await page.locator('canvas').first().waitFor()
  await page.hover('main tbody tr:nth-child(3)')
  const found = await page.evaluate<{ shift: number; moved: number }>(`new Promise((resolve) => {
    let shift = 0, moved = 0
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) shift += entry.value })
      .observe({ type: 'layout-shift', buffered: true })
    const element = document.querySelector('main tbody tr:nth-child(3)')
    const start = element.getBoundingClientRect()
    const timer = setInterval(() => {
      const now = element.getBoundingClientRect()
      moved = Math.max(moved, element.isConnected ? Math.abs(now.y - start.y) + Math.abs(now.x - start.x) : 9999)
    }, 50)
    setTimeout(() => { clearInterval(timer); resolve({ shift, moved }) }, ${seconds * 1000})
  })`)
  row(
    print,
    {
      name: `CLS, live for ${seconds} s at 1,000 events/s`,
      trial: '0.0002',
      must: '0.01',
      goal: '0',
    },
    found.shift.toFixed(4),
    found.shift <= 0.01,
  )
  row(
    print,
    { name: `row under the pointer moves in ${seconds} s`, trial: '–', must: '0 px', goal: '0 px' },
    `${found.moved.toFixed(1)} px`,
    found.moved === 0,
  )
  await context.close()
}

async function interactions({ print, browser, served }: Bench): Promise<void> {
  const context = await browser.newContext({ viewport: VIEWPORT })
  const page = await live(context, served.url)
  await page.evaluate(`globalThis.took = []
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (entry.interactionId) globalThis.took.push(entry.duration) })
      .observe({ type: 'event', durationThreshold: 16, buffered: true })`)
  for (let turn = 0; turn < 20; turn += 1) {
    await page.keyboard.press('j')
    await page.keyboard.press(turn % 2 === 0 ? 'j' : 'k')
    await page.getByRole('button', { name: 'Table' }).first().click()
    await page.getByRole('button', { name: 'Hide table' }).first().click()
    await page.waitForTimeout(50)
  }
  await page.waitForTimeout(500)
  const took = await page.evaluate<number[]>('globalThis.took')
  const inp = took.length === 0 ? 16 : share(took, 0.98)
  row(
    print,
    { name: 'INP p98 at 1,000 events/s', trial: '40–64 ms', must: '≤ 80 ms', goal: '≤ 40 ms' },
    `${inp.toFixed(0)} ms over ${took.length} events`,
    inp <= 80,
  )
  await context.close()
}

const FRAMES = (ms: number): string => `new Promise((resolve) => {
  let frames = 0, blank = 0
  const start = performance.now()
  const box = document.querySelector('[role=grid]')
  const tick = () => {
    frames += 1
    const view = box.getBoundingClientRect()
    const middle = document.elementFromPoint(view.x + view.width / 2, view.y + Math.min(view.height, innerHeight - view.y) / 2)
    if (middle === null || middle.closest('[data-item]') === null) blank += 1
    if (performance.now() - start < ${ms}) requestAnimationFrame(tick)
    else resolve({ fps: frames * 1000 / (performance.now() - start), blank })
  }
  requestAnimationFrame(tick)
})`

async function scrolling({ print, browser, served }: Bench): Promise<void> {
  const context = await browser.newContext({ viewport: VIEWPORT })
  const page = await live(context, `${served.url}/explore`)
  served.mock.stop()
  served.mock.burst(100_000)
  await page.getByText('100,000', { exact: true }).waitFor({ timeout: 120_000 })
  const grid = page.getByRole('grid')
  await grid.hover()
  const fps: number[] = []
  let blanks = 0
  const ways = [
    async () => {
      for (let step = 0; step < 60; step += 1) await page.mouse.wheel(0, 120)
    },
    async () => {
      for (let step = 0; step < 30; step += 1) await page.mouse.wheel(0, 4000)
    },
    () =>
      page.evaluate(
        `new Promise((resolve) => { const box = document.querySelector('[role=grid]'); let n = 0; const go = () => { box.scrollTop = box.scrollHeight * (n++ / 90); n < 90 ? requestAnimationFrame(go) : resolve() }; go() })`,
      ),
  ]
  for (const way of ways) {
    const counting = page.evaluate<{ fps: number; blank: number }>(FRAMES(1500))
    await way()
    const result = await counting
    fps.push(result.fps)
    blanks += result.blank
  }
  served.mock.start()
  row(
    print,
    {
      name: '100 k rows: wheel, fling, drag',
      trial: '60/57/59 fps',
      must: '≥ 55 fps',
      goal: '≥ 58 fps',
    },
    `${fps.map((one) => one.toFixed(0)).join('/')} fps, ${blanks} blank frames`,
    Math.min(...fps) >= 55 && blanks === 0,
  )
  await context.close()
}

const TABS = 30

async function tabs({ print, browser, served }: Bench): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 800, height: 600 } })
  const leader = await live(context, served.url)
  const watcher = await live(context, served.url)
  await watcher.evaluate(`globalThis.seen = []
    new BroadcastChannel('faultline-frames').addEventListener('message', ({ data }) => {
      if (data.kind === 'frame') globalThis.seen.push([Number(data.frame.seq), performance.now()])
    })`)
  let alive = 2
  for (let index = 2; index < TABS; index += 1) {
    await live(context, served.url)
    alive += 1
  }
  await watcher.waitForTimeout(500)
  const diedAt = await watcher.evaluate<number>('performance.now()')
  await leader.close()
  await watcher.waitForTimeout(4000)
  const seen = await watcher.evaluate<[number, number][]>('globalThis.seen')
  const numbers = seen.map(([seq]) => seq)
  const lost = (numbers.at(-1) ?? 0) - (numbers[0] ?? 0) + 1 - new Set(numbers).size
  const next = seen.find(([, at]) => at > diedAt + 1)?.[1] ?? Number.POSITIVE_INFINITY
  // The watcher itself may be the next leader, and does not hear its own broadcasts.
  const tookMs = next - diedAt
  const reached: Judge = (ms) => ms <= 2000 && lost === 0
  row(
    print,
    {
      name: `${TABS} tabs live; the leader dies`,
      trial: '12 tabs',
      must: '≤ 2 s, 0 lost',
      goal: '≤ 1 s',
    },
    Number.isFinite(tookMs)
      ? `${alive} live, next after ${tookMs.toFixed(0)} ms, ${lost} lost`
      : `${alive} live, the watcher leads`,
    Number.isFinite(tookMs) ? reached(tookMs) : null,
  )
  await context.close()
}
