import { describe, expect, it } from 'vitest'

import { chartSymptom, eventSymptom } from '#lib/canvas/symptom.ts'
import { decide, emptyRoom } from '#lib/contract.ts'
import type { Actor, Command, EventView } from '#lib/contract.ts'
import { rangeOf } from '#lib/time/range.ts'

const FROM = Date.parse('2026-11-21T02:14:00Z')
const TO = Date.parse('2026-11-21T03:14:00Z')
const ANN: Actor = { id: 'user:ann', name: 'Ann', role: 'responder' }
const rangeOfLink = (href = '') => rangeOf(new URL(href, 'http://x').searchParams, TO + 1e9)

describe('a symptom of what is on the screen', () => {
  it('[F7] of a chart opens the same page with the same filters, its time pinned', () => {
    const url = { pathname: '/explore', search: '?t=1h&service=checkout&diff=x' }
    const made = chartSymptom({ title: 'Events by severity', from: FROM, to: TO, url })
    expect(made.title).toBe('Events by severity, 02:14 – 03:14 UTC')
    expect(rangeOfLink(made.source.href)).toMatchObject({ from: FROM, to: TO, relative: null })
    expect(made.source.href).toContain('service=checkout')
    expect(made.source).toMatchObject({
      from: FROM,
      to: TO,
      query: 'Events by severity\nservice=checkout',
    })
  })

  it('[F7] of an incident’s chart opens the incident, which has its own time', () => {
    const url = { pathname: '/incidents/inc-1', search: '' }
    expect(chartSymptom({ title: 'Errors', from: FROM, to: TO, url }).source.href).toBe(
      '/incidents/inc-1',
    )
  })

  it('[F7] of an event opens its likes around it, and is what the rules of a room take', () => {
    const event = {
      event_id: 'ev-1',
      service: 'checkout',
      message: 'x'.repeat(5_000),
      occurred_at: FROM,
      fingerprint: 'abc',
    } as EventView
    const made = eventSymptom(event)
    const { from, to } = rangeOfLink(made.source.href)
    expect(to - from).toBe(60_000)
    expect(from).toBeLessThan(FROM)
    const command = {
      cmdId: 'c:1',
      kind: 'card_create',
      payload: { id: 'c1', kind: 'symptom', ...made },
      actor: ANN,
      at: 1,
    }
    const refused = decide({ ...emptyRoom('inc-1'), seq: 1 }, command as unknown as Command)
    expect(refused).toMatchObject({ ok: false, rejection: { code: 'not_joined' } })
    const joined = {
      ...emptyRoom('inc-1'),
      seq: 1,
      people: { 'user:ann': { joined: { value: true, rev: 0, by: ANN, at: 0 } } },
    }
    expect(decide(joined, command as unknown as Command).ok).toBe(true)
  })
})
