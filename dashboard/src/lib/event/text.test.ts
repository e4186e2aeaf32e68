import { expect, it } from 'vitest'

import type { EventView } from '#lib/contract.ts'
import { eventText } from '#lib/event/text.ts'

const bare = {
  message: '',
  method: '',
  route: '',
  status_code: 0,
  duration_ms: null,
  event_type: 'custom',
} as unknown as EventView

it('says the message, or the request, or the kind', () => {
  expect(eventText({ ...bare, message: 'disk full', route: '/x' })).toBe('disk full')
  expect(
    eventText({ ...bare, method: 'GET', route: '/x', status_code: 503, duration_ms: 41 }),
  ).toBe('GET /x 503 in 41 ms')
  expect(eventText({ ...bare, route: 'query' })).toBe('query')
  expect(eventText(bare)).toBe('(custom)')
})
