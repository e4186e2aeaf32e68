/** From the 202 of an event to its row on the screen: a whole embedded platform under load, and a real page. */
import type { Browser } from 'playwright-core'
import { systemClock } from '#/kernel/clock.ts'
import { startPlatform } from '#/test/e2e/platform.ts'

const PER_SECOND = 1_000
const BATCH = 50
const MARK_EVERY_MS = 400

export interface PixelResult {
  p50: number
  p99: number
  count: number
  /** Events a second that the platform really took meanwhile. */
  perSecond: number
}

/** Tells when a mark is first painted: the frame after its row is in the document. */
const WATCH = `globalThis.painted = {}
  new MutationObserver(() => {
    for (const row of document.querySelectorAll('[data-item]')) {
      const mark = /mark-(\\d+)/.exec(row.textContent ?? '')?.[0]
      if (mark === undefined || mark in globalThis.painted) continue
      globalThis.painted[mark] = 0
      requestAnimationFrame(() => { setTimeout(() => { globalThis.painted[mark] = Date.now() }) })
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true })`

export async function eventToPixel(wish: {
  browser: Browser
  seconds: number
}): Promise<PixelResult> {
  const platform = await startPlatform()
  try {
    const page = await wish.browser.newPage({ viewport: { width: 1280, height: 800 } })
    await page.goto(`${platform.url}/explore?t=15m`)
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor({ timeout: 60_000 })
    await page.evaluate(WATCH)
    const accepted = new Map<string, number>()
    const startedMs = systemClock.monotonicMs()
    const over = new AbortController()
    let sent = 0
    const load = (async () => {
      while (!over.signal.aborted) {
        const due = ((systemClock.monotonicMs() - startedMs) / 1000) * PER_SECOND
        if (sent > due) {
          await systemClock.sleep(10)
          continue
        }
        await platform.post(Array.from({ length: BATCH }, (_, index) => eventAt(sent + index)))
        sent += BATCH
      }
    })()
    for (let mark = 0; systemClock.monotonicMs() - startedMs < wish.seconds * 1000; mark += 1) {
      const name = `mark-${mark}`
      await platform.post([{ event_type: 'custom', service: 'bench', message: name }])
      accepted.set(name, systemClock.nowMs())
      await systemClock.sleep(MARK_EVERY_MS)
    }
    over.abort()
    await load
    const tookS = (systemClock.monotonicMs() - startedMs) / 1000
    await page.waitForTimeout(1500)
    const painted = await page.evaluate<Record<string, number>>('globalThis.painted')
    const times = [...accepted]
      .flatMap(([name, at]) => ((painted[name] ?? 0) > 0 ? [(painted[name] ?? 0) - at] : []))
      .toSorted((a, b) => a - b)
    await page.close()
    const at = (share: number): number =>
      times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN
    return { p50: at(0.5), p99: at(0.99), count: times.length, perSecond: sent / tookS }
  } finally {
    await platform.stop()
  }
}

function eventAt(index: number): object {
  const isError = index % 10 === 0
  return {
    event_type: isError ? 'error' : 'http_request',
    service: `service-${index % 10}`,
    severity: isError ? 4 : 2,
    message: isError ? `timeout after ${index % 900} ms` : '',
    route: '/api/orders',
    method: 'GET',
    status_code: isError ? 500 : 200,
    duration_ms: 10 + (index % 50),
    user_id: `u${index % 1000}`,
  }
}
