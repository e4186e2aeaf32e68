import { describe, expect, it } from 'vitest'

import type { DeliveryView, OnCallView } from '#lib/contract.ts'

import { headline, stateOf, whyOf } from './sentences.ts'

const step = { at: 1, status: 'waiting', attempt: 0, status_code: 0, duration_ms: null, detail: '' }
const delivery: DeliveryView = {
  delivery_id: 'msg_1',
  incident_id: 'i1',
  incident_number: 1,
  title: 'it fails',
  severity: 2,
  reason: 'opened',
  target: 'team',
  target_kind: 'slack',
  status: 'delivered',
  planned_at: 1,
  next_at: null,
  on_call: 'ada',
  is_page: true,
  is_night: false,
  steps: [step, { ...step, status: 'retrying', attempt: 1, detail: 'answered 500' }],
}
const onCall = { targets: [{}] } as unknown as OnCallView

describe('deliveries in words', () => {
  it('[J1] what did not arrive goes before what is under way', () => {
    const of = (...states: string[]) =>
      headline(
        states.map((status) => ({ ...delivery, status })),
        onCall,
      )
    expect(of('delivered', 'failed', 'waiting')).toBe('1 notification did not arrive.')
    expect(of('delivered', 'retrying', 'waiting')).toBe('2 notifications on the way.')
    expect(of('delivered', 'cancelled')).toBe('Everything arrived.')
    expect(of()).toBe('Nothing was sent this week.')
    expect(headline([], { targets: [] } as unknown as OnCallView)).toContain('Nobody is told')
  })

  it('[J1] says at which attempt, and why it took more than one', () => {
    expect(stateOf({ ...delivery, steps: [{ ...step, attempt: 3 }] })).toBe(
      'delivered at attempt 3',
    )
    expect(stateOf({ ...delivery, status: 'retrying' })).toBe('tried 1 of 12 times')
    expect(stateOf({ ...delivery, status: 'waiting', next_at: 5 })).toBe('planned')
    expect(whyOf(delivery)).toBe('answered 500')
  })
})
