import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Target } from '#/processors/domain/notify/notification.ts'
import type { DeliveryQuery, LoadQuery } from '#/schemas/notify-view.ts'
import { buildApp, type App } from './app.ts'
import { createTestApp, TEST_NOW_MS, type TestApp } from './test-app.ts'

const TARGET: Target = {
  name: 'team',
  kind: 'slack',
  url: 'https://hooks.slack.example/services/T0/B0/s3cret',
  severityMax: 2,
  projects: [],
  services: ['cart'],
  reasons: ['opened'],
  unacknowledgedMs: 900_000,
}
const asked: (DeliveryQuery | LoadQuery)[] = []
let test: TestApp
let app: App

beforeAll(async () => {
  test = await createTestApp()
  app = buildApp({
    ...test.deps,
    notify: {
      targets: [TARGET],
      rotation: {
        people: ['ada', 'bob'],
        handover: 'weekly',
        weekday: 1,
        minute: 540,
        timeZone: 'Europe/Berlin',
        startsOn: '2026-11-16',
        overrides: [],
        night: { from: 22, to: 7 },
      },
      reads: {
        deliveries: async (query) => (asked.push(query), { items: [], next: null }),
        load: async (query) => (asked.push(query), { people: [], weeks: [] }),
      },
    },
  })
})
afterAll(async () => {
  await app.close()
  await test.close()
})

const get = async (url: string) => {
  const answer = await app.inject({ url })
  return { status: answer.statusCode, text: answer.body, body: answer.json<object>() }
}

describe('notifications over HTTP', () => {
  it('[J1] deliveries are asked for by state, target and incident, in a range', async () => {
    const url = '/api/deliveries?status=failed,waiting&target=team&incident=i1&limit=7'
    expect(await get(url)).toMatchObject({ status: 200, body: { items: [], next: null } })
    expect(asked.at(-1)).toMatchObject({
      project: 'default',
      status: ['failed', 'waiting'],
      targets: ['team'],
      incidentId: 'i1',
      limit: 7,
      from: TEST_NOW_MS - 7 * 86_400_000,
    })
    expect(await get('/api/deliveries?from=soon')).toMatchObject({
      status: 400,
      body: { path: 'from' },
    })
  })

  it('[J8] who is on call now and next, with the targets but not their secrets', async () => {
    const { status, body, text } = await get('/api/on-call')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      now: { person: 'ada', is_override: false },
      next: { person: 'bob', at: Date.parse('2026-11-23T09:00:00+01:00') },
      time_zone: 'Europe/Berlin',
      targets: [{ name: 'team', host: 'hooks.slack.example', unacknowledged_min: 15 }],
    })
    expect(text).not.toContain('s3cret')
    expect(asked.at(-1)).toMatchObject({ timeZone: 'Europe/Berlin' })
  })
})
