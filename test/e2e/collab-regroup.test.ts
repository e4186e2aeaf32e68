/** Merging and splitting an incident from its page, over a room that answers late. With the engine: collab-browser.test.ts. */
import { describe, expect, it } from 'vitest'

import { systemClock } from '#/kernel/clock.ts'
import { ENGINE } from '#/schemas/collab/state.ts'
import { FakeRoom } from './collab-room.ts'
import { hasChromium, seriousViolations, someIds, useDashboard } from './dashboard-fixture.ts'

const ANN = { id: 'user:ann', name: 'Ann Lee', role: 'responder' } as const
const BEN = { id: 'user:ben', name: 'Ben Ode', role: 'admin' } as const

describe.skipIf(!hasChromium)('an incident put together and apart', () => {
  const stage = useDashboard()

  it('[D8] [G5] a merge is asked for at once and rolled back with the reason; a split says what it would do, and what the engine would not do is told', async () => {
    const { incident } = await someIds(stage.served.url)
    const room = new FakeRoom(incident)
    const at = systemClock.nowMs() - 600_000
    const step = { seq: 1, kind: 'opened', at, sentence: 'Opened.' }
    const opened = { step, status: 'open', level: 1, title: 'DB_TIMEOUT', number: 140 }
    room.do(ENGINE, 'engine', { ...opened, services: [], redirectTo: '', recordedAt: at })
    room.do(ANN, 'join', {})
    const page = await stage.newPage()
    await room.seat(page, ANN)
    await page.goto(`${stage.served.url}/incidents/${incident}`)
    await page.getByRole('button', { name: 'Leave', exact: true }).waitFor()
    await page.locator('h1').click()
    await page.keyboard.press('Shift+S')
    const dialog = page.getByRole('dialog')
    await dialog.locator('[data-preview]').waitFor()
    await dialog.getByRole('checkbox').first().check()
    expect(await dialog.locator('[data-preview]').innerText()).toMatch(/part|parts/)
    await dialog.getByRole('button', { name: 'Split', exact: true }).click()
    await page.locator('[data-asked=split]', { hasText: 'asked for' }).waitFor()
    await expect.poll(() => room.events.at(-1)?.kind).toBe('split_issues')
    // By the time the engine comes to it, one of the parts is gone.
    const reason = 'a split takes some members out and leaves some in'
    const { cmdId } = room.events.at(-1)!
    room.do(ENGINE, 'refused', { cmdId, kind: 'split', by: ANN.name, reason })
    const undone = page.locator('[data-notice=undone]')
    await undone.waitFor()
    expect(await undone.innerText()).toContain(`did not do what Ann Lee decided (split): ${reason}`)
    expect(await page.locator('[data-asked]').count()).toBe(0)
    await undone.getByRole('button', { name: 'Understood' }).click()

    await page.getByRole('button', { name: 'Merge …' }).click()
    await dialog.getByRole('radio').first().check()
    await dialog.locator('[data-preview]', { hasText: 'stay good' }).waitFor()
    expect(await seriousViolations(page, 'any')).toEqual([])
    room.delayMs = 1_500
    await dialog.getByRole('button', { name: /^Merge into #/ }).click()
    await page.locator('[data-asked=merge]', { hasText: 'asked for' }).waitFor({ timeout: 1_000 })
    // Ben resolves it before Ann's wish arrives.
    room.do(BEN, 'join', {})
    const rev = room.state.root['status']?.rev ?? 0
    room.do(BEN, 'status_change', { status: 'resolved' }, { expect: { field: 'status', rev } })
    const lost = page.locator('[data-notice=rejected]')
    await lost.waitFor({ timeout: 5_000 })
    expect(await lost.innerText()).toContain('A resolved incident is opened first.')
    expect(await page.locator('[data-asked]').count()).toBe(0)
    expect(await page.getByRole('button', { name: 'Merge …' }).count()).toBe(0)
  })
})
