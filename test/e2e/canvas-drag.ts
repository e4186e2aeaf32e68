/** A canvas with many cards, and what dragging one of them costs for each frame. For the test and the bench. */
import type { Page } from 'playwright-core'

import { systemClock } from '#/kernel/clock.ts'
import { FakeRoom } from './collab-room.ts'

const COLUMNS = 20
const ANN = { id: 'user:ann', name: 'Ann', role: 'responder' } as const

/** A room with so many cards in rows, each linked to the one before. */
export function filledRoom(incidentId: string, cards: number): FakeRoom {
  const room = new FakeRoom(incidentId)
  room.do(ANN, 'create', { title: 'a canvas', severity: 2 })
  for (let n = 0; n < cards; n += 1) {
    const [x, y] = [(n % COLUMNS) * 300, Math.floor(n / COLUMNS) * 170]
    const kind = (['symptom', 'hypothesis', 'action'] as const)[n % 3]
    room.do(ANN, 'card_create', { id: `c${n}`, kind, title: `Card ${n}: what we believe`, x, y })
    if (n > 0)
      room.do(ANN, 'link_add', { id: `l${n}`, from: `c${n - 1}`, to: `c${n}`, kind: 'supports' })
  }
  return room
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

export interface DragCost {
  fps: number
  /** Time in scripts for each frame. */
  scriptMs: number
}

/** Drags a card in the middle of the plane in circles, once for each round. */
export async function dragCard(
  page: Page,
  { rounds, moves }: { rounds: number; moves: number },
): Promise<DragCost[]> {
  const client = await page.context().newCDPSession(page)
  await client.send('Performance.enable')
  const scriptMs = async (): Promise<number> => {
    const { metrics } = await client.send('Performance.getMetrics')
    return (metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? 0) * 1000
  }
  const costs: DragCost[] = []
  for (let round = 0; round < rounds; round += 1) {
    const [x, y] = await page.evaluate<[number, number]>(MIDDLE_OF_A_CARD)
    await page.mouse.move(x, y)
    await page.mouse.down()
    const before = await scriptMs()
    await page.evaluate(`
      globalThis.frames = []
      globalThis.isCounting = true
      requestAnimationFrame(function next(at) {
        frames.push(at)
        if (isCounting) requestAnimationFrame(next)
      })`)
    for (let move = 1; move <= moves; move += 1) {
      await page.mouse.move(x + Math.sin(move / 8) * 120, y + Math.cos(move / 8) * 60)
      await systemClock.sleep(8)
    }
    const frames = await page.evaluate<number[]>('isCounting = false, frames')
    if ((await page.locator('.svelte-flow__node.dragging').count()) !== 1)
      throw new Error('nothing is dragged: the figure would be of an idle page')
    const used = (await scriptMs()) - before
    await page.mouse.move(x, y)
    await page.mouse.up()
    const gaps = frames.slice(1).map((at, index) => at - (frames[index] ?? 0))
    const middle = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? Infinity
    costs.push({ fps: 1000 / middle, scriptMs: used / Math.max(1, gaps.length) })
  }
  return costs
}
