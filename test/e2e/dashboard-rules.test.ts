/** The rules for 2 a.m., keys, charts and hostile input, each on real pages; pages are visited in batches. */
import { readFile } from 'node:fs/promises'

import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'

import { everyPage, hasChromium, someIds, useDashboard } from './dashboard-fixture.ts'

/** Areas in px² that are filled with a strong colour and are not the mark of something critical. */
const SATURATED = `[...document.querySelectorAll('body *')].flatMap((element) => {
  const box = element.getBoundingClientRect()
  const style = getComputedStyle(element)
  const isShape = /^(?:rect|path|circle)$/.test(element.tagName)
  const colour = isShape ? style.fill : style.backgroundColor
  const [r, g, b, a = 1] = (colour.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number)
  const isStrong = a > 0.5 && Math.max(r, g, b) - Math.min(r, g, b) > 130
  const isCritical = element.closest('[class*=sev-critical], [class*=critical]') !== null
  return isStrong && !isCritical && box.width * box.height > 2500
    ? [element.tagName + ' ' + element.className + ' ' + colour] : []
})`

/** Controls that are smaller than a finger or a tired hand needs; links inside of running text are exempt. */
const SMALL = (min: number): string => `[...document.querySelectorAll(
  'button, summary, select, nav a, a.button, input:not([type=hidden]):not([type=checkbox])')]
  .filter((element) => element.checkVisibility() && !element.closest('svg, td, dialog'))
  .flatMap((element) => {
    const { width, height } = element.getBoundingClientRect()
    const covers = getComputedStyle(element, '::after').position === 'absolute'
    return height < ${min} && !covers && width > 0
      ? [element.tagName + ' ' + (element.innerText ?? '').slice(0, 30) + ' ' + height] : []
  })`

describe.skipIf(!hasChromium)('the rules for 2 a.m.', () => {
  const stage = useDashboard()
  const url = () => stage.served.url

  async function eachPage(
    page: Page,
    look: (path: string) => Promise<readonly string[]>,
  ): Promise<string[]> {
    const found: string[] = []
    for (const path of await everyPage(url())) {
      await page.goto(`${url()}${path}`, { waitUntil: 'domcontentloaded' })
      found.push(...(await look(path)).map((one) => `${path}: ${one}`))
    }
    return found
  }

  it('[E13] every page: one sentence above every number, one saturated colour, nothing that destroys, no sound', async () => {
    const page = await stage.newPage()
    const found = await eachPage(page, async (path) => {
      const wrong: string[] = []
      const heading = page.locator('h1')
      const text = (await heading.innerText()).trim()
      const isTitle = path.startsWith('/issues/')
      if (!isTitle && !/[.?]$/.test(text)) wrong.push(`no sentence: ${text}`)
      const first = await page.evaluate<number>(
        `Math.min(...[...document.querySelectorAll('main dd, main td, main figure, dl dd')].map((e) => e.getBoundingClientRect().top))`,
      )
      const top = (await heading.boundingBox())?.y ?? Infinity
      if (top > first) wrong.push('a number stands above the sentence')
      wrong.push(
        ...(await page.evaluate<string[]>(SATURATED)).slice(path.startsWith('/sql') ? 1 : 0),
      )
      const destroying = await page.evaluate<string[]>(
        `[...document.querySelectorAll('button, a, [role=button]')].map((e) => e.innerText ?? '').filter((t) => /\\b(?:delete|remove|destroy|drop|erase)\\b/i.test(t))`,
      )
      wrong.push(...destroying.map((one) => `destroys: ${one}`))
      const loud = await page.locator('audio, video, form[method=post], marquee, blink').count()
      if (loud > 0) wrong.push('sound, video or a form that posts')
      if ((await page.locator('[data-says]').count()) > 1) wrong.push('two status lines')
      // Nobody is signed in: what only others may do is said, not offered.
      const isGuarded = /detectors|sweep|drills\?/.test(path)
      if (isGuarded && (await page.locator('[data-may-not]').count()) === 0)
        wrong.push('offers what this reader may not do')
      return wrong
    })
    expect(found).toEqual([])
  })

  it('[E13] [E14] targets are at least 32 px, and 44 px under a finger', async () => {
    for (const [min, hasTouch] of [
      [32, false],
      [44, true],
    ] as const) {
      const page = await stage.newPage({ hasTouch, isMobile: hasTouch })
      const found = await eachPage(page, (path) =>
        path === '/status' ? Promise.resolve([]) : page.evaluate<string[]>(SMALL(min)),
      )
      expect(found).toEqual([])
    }
  })

  it('[E13] ages say the absolute time in UTC and the reader’s own on hover, and follow the server’s clock', async () => {
    const page = await stage.newPage({ timezoneId: 'Asia/Tokyo' })
    // The browser's clock is two hours ahead.
    await page.addInitScript(
      'const real = Date.now.bind(Date); Date.now = () => real() + 7_200_000',
    )
    await page.goto(url())
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor()
    const age = page.locator('main tbody time').first()
    await age.hover()
    const title = (await age.getAttribute('title')) ?? ''
    expect(title).toMatch(/ UTC\n.* your time$/)
    await page.waitForTimeout(1200)
    expect(await age.innerText()).toMatch(/^\d+[sm]$/)
  })

  it('[E14] forced colours, reduced motion and grey: shapes and words carry what colours do', async () => {
    const forced = await stage.visit('/', { forcedColors: 'active', reducedMotion: 'reduce' })
    await forced.waitForTimeout(400)
    expect(await forced.locator('canvas').count()).toBe(0)
    expect(await forced.locator('.area svg path').count()).toBeGreaterThan(3)
    const moving = await forced.evaluate<number>(
      `[...document.querySelectorAll('*')].filter((e) => Number.parseFloat(getComputedStyle(e).transitionDuration) > 0.001 || Number.parseFloat(getComputedStyle(e).animationDuration) > 0.001).length`,
    )
    expect(moving).toBe(0)
    const marks = await forced.locator('main tbody tr td.sev').allInnerTexts()
    const names = await forced
      .locator('main tbody tr td.sev [role=img], main tbody tr td.sev .sr-only')
      .count()
    expect(marks.length).toBeGreaterThan(5)
    expect(names).toBeGreaterThanOrEqual(marks.length)
  })

  it('[E2] [E9] the cursor is shared by all charts and can be locked, and a range answers what changed', async () => {
    const page = await stage.visit('/services/checkout')
    const sliders = page.getByRole('slider')
    await sliders.first().focus()
    for (const key of ['End', 'ArrowLeft', 'ArrowLeft']) await page.keyboard.press(key)
    const readouts = page.locator('[data-readout]')
    const times = async (): Promise<string[]> =>
      (await readouts.allInnerTexts()).map((text) => /\d\d:\d\d(:\d\d)?/.exec(text)?.[0] ?? '')
    const [first, second] = await times()
    expect(first).toMatch(/^\d\d:\d\d/)
    expect(second?.slice(0, 5)).toBe(first?.slice(0, 5))
    await page.keyboard.press('Shift+L')
    await expect.poll(() => page.locator('[data-says]').innerText()).toContain('locked')
    await page.mouse.move(300, 5)
    expect((await readouts.first().innerText()).startsWith('⌖')).toBe(true)
    await page.keyboard.press('Shift+L')
    await sliders.first().focus()
    await page.keyboard.press('End')
    for (let step = 0; step < 6; step += 1) await page.keyboard.press('Shift+ArrowLeft')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'What changed here?' }).click()
    await page.waitForURL(/diff=/)
    const panel = page.locator('[data-changes]')
    await panel.getByText('attributes.region'.replace('attributes.', '')).first().waitFor()
    expect(await panel.innerText()).toContain('× ')
    expect(await panel.innerText()).toContain('/checkout/<script>')
    // ⌘Z takes the question back, and says so when there is nothing left.
    await page.keyboard.press('Control+z')
    await panel.waitFor({ state: 'detached' })
    await page.keyboard.press('Control+z')
    expect(await page.locator('[data-says]').innerText()).toContain('no change')
  })

  it('[B6] [D5] facets, groups and saved views live in the address and outlive a reload', async () => {
    const page = await stage.visit('/explore')
    const before = await page.locator('h1').innerText()
    await page.getByRole('region', { name: 'Severity' }).getByRole('link').first().click()
    await page.waitForURL(/severity=/)
    expect(await page.locator('h1').innerText()).not.toBe(before)
    await page.getByRole('link', { name: 'service', exact: true }).click()
    await page.waitForURL(/by=service/)
    await page.getByRole('heading', { name: 'Events by service' }).waitFor()
    await page.keyboard.press('s')
    await page.getByLabel('Name of this view').waitFor()
    await page.keyboard.type('My errors')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('[data-says]').innerText()).toContain('My errors')
    const address = page.url()
    await page.reload()
    expect(page.url()).toBe(address)
    await page.goto(`${url()}/explore`)
    await page.locator('html[data-live]').waitFor()
    await page.getByText('Views').click()
    await page.getByRole('link', { name: 'My errors' }).click()
    await page.waitForURL(/by=service.*severity=/)
    // Words nobody knows are told, with the way on; a list of one row is as high as its row.
    await page.goto(`${url()}/incidents?q=%23140&status=nope`)
    expect(await page.locator('[data-left-out]').innerText()).toMatch(
      /“nope” is not known for status: open, .* take it out of the address/s,
    )
    const grid = await page.getByRole('grid').boundingBox()
    expect(grid?.height).toBeLessThan(100)
    await page.getByRole('link', { name: 'take it out of the address' }).click()
    await page.waitForURL(`${url()}/incidents?q=%23140`)
    expect(await page.locator('[data-left-out]').count()).toBe(0)
  })

  it('[D5] what is on the screen can be taken away as CSV, JSON, Markdown and PNG', async () => {
    const page = await stage.visit('/')
    await page.locator('canvas').first().waitFor()
    const files: Record<string, Buffer> = {}
    for (const name of ['CSV', 'JSON', 'Markdown', 'PNG of the charts']) {
      await page.keyboard.press('x')
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name, exact: true }).click(),
      ])
      files[name] = await readFile(await download.path())
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    const headline = await page.locator('h1').innerText()
    expect(String(files['CSV'])).toContain('upstream did not answer within 2000 ms')
    const screen = JSON.parse(String(files['JSON'])) as {
      headline: string
      sheets: { title: string; rows: unknown[] }[]
    }
    expect(screen.headline.slice(0, 20)).toBe(headline.slice(0, 20))
    expect(screen.sheets.map((sheet) => sheet.title)).toContain('Events by severity')
    expect(screen.sheets.every((sheet) => sheet.rows.length > 0)).toBe(true)
    expect(String(files['Markdown'])).toMatch(/^## /)
    expect(files['PNG of the charts']?.subarray(1, 4).toString()).toBe('PNG')
  })

  it('[E12] single keys can be switched off; combinations go on', async () => {
    const page = await stage.visit('/')
    await page.keyboard.press('?')
    await page.getByLabel('Single keys work').click()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('g')
    await page.keyboard.press('i')
    await page.waitForTimeout(300)
    expect(new URL(page.url()).pathname).toBe('/')
    await page.keyboard.press('Control+.')
    expect(await page.locator('[data-says]').innerText()).toContain('on')
    await page.keyboard.press('g')
    await page.keyboard.press('i')
    await page.waitForURL(/incidents/)
    // The grid is walked by arrows; the last row is one key away.
    await page.locator('[role=grid] [data-row]').first().focus()
    await page.keyboard.press('ArrowDown')
    const second = await page.locator('[role=grid] [data-row]').nth(1).innerText()
    expect(await page.evaluate('document.activeElement.innerText')).toBe(second)
    await page.keyboard.press('End')
    await page.waitForTimeout(300)
    const last = await page.locator('[role=grid] [data-row]').last().innerText()
    expect(await page.evaluate('document.activeElement.innerText')).toBe(last)
  })

  it('[B13] the SQL page completes names, runs, draws, remembers, and can be cancelled', async () => {
    const page = await stage.visit('/sql')
    const editor = page.locator('#sql')
    await editor.fill('SELECT service FROM ev')
    await editor.press('End')
    await editor.press('Control+Space')
    await page.getByRole('option', { name: /^events table/ }).waitFor()
    await editor.press('Tab')
    expect(await editor.inputValue()).toBe('SELECT service FROM events')
    await editor.press('Control+Enter')
    await page.getByText(/^The query found \d+ rows/).waitFor()
    expect(new URL(page.url()).searchParams.get('q')).toBe('SELECT service FROM events')
    await page.getByRole('button', { name: 'Chart', exact: true }).click()
    await page.getByRole('table', { name: /by name/ }).waitFor()
    expect(await page.getByText('Run before, in this browser').isVisible()).toBe(true)
    let release = (): void => undefined
    await page.route('**/api/sql', async (route) => {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      await route.abort()
    })
    await editor.press('Control+Enter')
    await page.locator('[data-cancel]').click()
    release()
    expect(await page.locator('[data-result]').innerText()).toContain('You cancelled the query.')
  })

  it('[E10] a journey tells the way of a user in the order of time', async () => {
    const page = await stage.visit('/journey?user_id=u-12')
    const times = await page.locator('main tbody td.when').allInnerTexts()
    expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)))
    await page.goto(`${url()}/services`)
    await page.getByRole('region', { name: 'Graph of services' }).waitFor()
    expect(await page.locator('[aria-label="Graph of services"] a').count()).toBeGreaterThan(5)
  })

  it('[E15] the post-mortem, Now and an incident are whole without JavaScript, the post-mortem on A4', async () => {
    const { incident } = await someIds(url())
    const page = await stage.newPage({ javaScriptEnabled: false })
    await page.goto(`${url()}/print/${incident}`)
    const text = await page.locator('main').innerText()
    const parts = [
      'Pinned',
      'Likely causes',
      'Timeline',
      'What was different',
      'Why SEV',
      'Similar',
    ]
    for (const part of [...parts, 'People']) expect(text).toContain(part)
    const pdf = await page.pdf({ preferCSSPageSize: true })
    expect(pdf.subarray(0, 4).toString()).toBe('%PDF')
    expect(pdf.toString('latin1')).toMatch(/MediaBox \[0 0 59[45](\.\d+)? 84[12]/)
    await page.goto(`${url()}/incidents/${incident}`)
    expect(await page.locator('h1').isVisible()).toBe(true)
  })

  it('[E15] paper is white and whole whatever the theme: a drawing for the canvas, no buttons', async () => {
    const page = await stage.newPage({ colorScheme: 'dark' })
    await page.context().addCookies([{ name: 'theme', value: 'dark', url: url() }])
    await page.goto(`${url()}/services/checkout`)
    const canvas = page.locator('.plot canvas').first()
    await canvas.waitFor()
    await page.locator('.plot .area > svg').first().waitFor({ state: 'detached' })
    await page.emulateMedia({ media: 'print' })
    await page.locator('.plot .area > svg').first().waitFor()
    expect(await canvas.isVisible()).toBe(false)
    expect(await page.locator('.button:visible').count()).toBe(0)
    const paper = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    expect(paper).toBe('rgb(255, 255, 255)')
    await page.emulateMedia({ media: null })
    await canvas.waitFor()
    await page.locator('.plot .area > svg').first().waitFor({ state: 'detached' })
  })

  it('[E16] bad input brings a sentence, never a blank page', async () => {
    const long = 'x'.repeat(10_000)
    const bad = [
      '/?from=9999-01-01&to=0001-01-01',
      '/?t=99999999999d',
      '/?diff=zzz',
      '/incidents/%00',
      `/explore?q=${long}`,
      `/explore?service=${long}`,
      '/explore?severity=abc&by=<script>',
      '/issues/none',
      '/services/%3Cscript%3E',
      `/sql?q=${long}`,
      '/deploys?t=-5',
      '/journey?kind=nothing&id=1',
      '/print/none',
    ]
    for (const path of bad) {
      const answer = await fetch(`${url()}${path}`)
      const html = await answer.text()
      const sentence = /<h1[^>]*>([^]*?)<\/h1>/
        .exec(html)?.[1]
        ?.replace(/<[^>]*>|\s+/g, ' ')
        .trim()
      expect([path.slice(0, 40), (sentence ?? '').length > 10]).toEqual([path.slice(0, 40), true])
      expect(html).not.toMatch(/Internal Error|undefined is not|<script>alert/)
      expect(answer.status).toBeLessThan(500)
    }
  })
})
