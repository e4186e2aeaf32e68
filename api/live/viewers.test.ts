import { request, type ClientRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { createTestApp } from '#/api/test-app.ts'
import { appendEvents } from '#/api/test-log.ts'
import { systemClock } from '#/kernel/clock.ts'

const VIEWERS = 1_000

it('[K10] a thousand viewers each get every event, over connections of their own', async () => {
  const test = await createTestApp({ clock: systemClock })
  await test.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = test.app.server.address() as AddressInfo
  const viewers: ClientRequest[] = []
  const seen = new Map<string, number>()
  const state = { open: 0, broken: 0 }
  const view = (): ClientRequest => {
    const viewer = request({ port, path: '/api/stream', agent: false }, (answer) => {
      let isOpen = false
      answer.setEncoding('utf8')
      answer.on('error', () => (state.broken += 1))
      answer.on('data', (text: string) => {
        if (!isOpen) state.open += 1
        isOpen = true
        for (const [, id = ''] of text.matchAll(/"eventId":"(e-\d)"/g))
          seen.set(id, (seen.get(id) ?? 0) + 1)
      })
    })
    viewer.on('error', () => (state.broken += 1))
    viewer.end()
    return viewer
  }
  try {
    for (let count = 0; count < VIEWERS; count += 1) viewers.push(view())
    await expect.poll(() => state.open, { timeout: 30_000 }).toBe(VIEWERS)
    expect((await test.get('/health/detailed')).body).toMatchObject({ stream_clients: VIEWERS })
    for (const id of ['e-1', 'e-2', 'e-3'])
      await appendEvents(test, [{ event_id: id, service: 'cart', occurred_at: 1, received_at: 1 }])
    const all = { 'e-1': VIEWERS, 'e-2': VIEWERS, 'e-3': VIEWERS }
    await expect.poll(() => Object.fromEntries(seen), { timeout: 30_000 }).toEqual(all)
    expect(state.broken).toBe(0)
  } finally {
    for (const viewer of viewers) viewer.destroy()
    await test.close()
  }
})
