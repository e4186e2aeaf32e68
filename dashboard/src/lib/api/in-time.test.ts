import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { inTime } from '#lib/api/in-time.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

it('hands on what is answered in time, and leaves no timer behind', async () => {
  const answer = new Response('there')
  expect(await inTime(Promise.resolve(answer), 1000)).toBe(answer)
  expect(vi.getTimerCount()).toBe(0)
  await expect(inTime(Promise.reject(new Error('down')), 1000)).rejects.toThrow('down')
})

it('says it when nothing is answered, with the remedy', async () => {
  const late = inTime(new Promise(() => undefined), 3000)
  await vi.advanceTimersByTimeAsync(3000)
  const response = await late
  expect(response.status).toBe(503)
  expect(await response.json()).toMatchObject({
    title: 'The store did not answer within 3 s.',
    remedy: expect.stringContaining('Load again'),
  })
})
