import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { EventView, IncidentDetail, IncidentRow, IssueRow, Page } from '#/schemas/view.ts'
import { startPlatform, waitForEvents } from './platform.ts'
import type { RunningPlatform } from './platform.ts'
import { faultline, waitFor } from './processes.ts'
import { openStream } from './streams.ts'
import { failures, quietPast } from './traffic.ts'

/** From one posted event to an incident with a summary, through the running platform. */
let platform: RunningPlatform
beforeAll(async () => {
  platform = await startPlatform()
})
afterAll(async () => platform[Symbol.asyncDispose]())

const countOf = async (where: string): Promise<number> => {
  const [row] = await platform.clickhouse<{ n: string }>(
    `SELECT count() AS n FROM events WHERE ${where}`,
  )
  return Number(row?.n)
}

describe('one event', () => {
  it('[A1] is acknowledged, then found in ClickHouse, in the API and as an issue', async () => {
    const { status, body } = await platform.post({
      event_type: 'error',
      event_id: 'story-1',
      service: 'checkout',
      environment: 'staging',
      severity: 'error',
      message: 'payment 4711 timed out after 3000 ms',
      error_type: 'TimeoutError',
      route: '/pay',
      attributes: { region: 'eu-1', attempt: 3 },
      tags: ['card'],
    })
    expect(status).toBe(202)
    expect(body).toEqual({ event_id: 'story-1', received_at: expect.any(String) as string })
    await waitFor(async () => (await countOf(`event_id = 'story-1'`)) === 1, { what: 'the row' })
    const [row] = await platform.clickhouse(
      `SELECT service, environment, severity, route, attributes, tags FROM events WHERE event_id = 'story-1'`,
    )
    expect(row).toEqual({
      service: 'checkout',
      environment: 'staging',
      severity: 4,
      route: '/pay',
      attributes: { region: 'eu-1', attempt: '3' },
      tags: ['card'],
    })
    const event = await platform.get<EventView>('/api/events/story-1')
    expect(event.attributes).toEqual({ region: 'eu-1', attempt: 3 })
    // Its view gets the row a moment after the base table.
    const issue = await waitFor(
      async () => {
        const { items } = await platform.get<Page<IssueRow>>('/api/issues')
        return items.find(({ fingerprint }) => fingerprint === event.fingerprint)
      },
      { what: 'the issue' },
    )
    expect(issue).toMatchObject({ events: 1, services: ['checkout'] })
    expect(issue.template).toBe('payment <*> timed out after <*> ms')
  })

  it('[A10] is one row however often its id is sent', async () => {
    const event = { event_type: 'custom', event_id: 'twin', service: 'dedup', message: 'once' }
    for (let time = 0; time < 3; time += 1) expect((await platform.post(event)).status).toBe(202)
    // The same id of another service is another event.
    expect((await platform.post({ ...event, service: 'dedup-other' })).status).toBe(202)
    const after = { event_type: 'custom', event_id: 'after-twin', service: 'dedup' }
    expect((await platform.post([after, { ...event }])).body).toMatchObject({ accepted: 2 })
    await waitFor(async () => (await countOf(`event_id = 'after-twin'`)) === 1, { what: 'after' })
    await waitFor(async () => (await countOf(`service = 'dedup-other'`)) === 1, { what: 'other' })
    expect(await countOf(`service = 'dedup' AND event_id = 'twin'`)).toBe(1)
    const rollup = async (): Promise<number> => {
      const [row] = await platform.clickhouse<{ n: string }>(
        `SELECT sum(events) AS n FROM events_1m WHERE service = 'dedup'`,
      )
      return Number(row?.n)
    }
    await waitFor(async () => (await rollup()) >= 2, { what: 'the rollup' })
    expect(await rollup()).toBe(2)
  })

  it('[A6] of a batch that is wrong is named while the others are taken', async () => {
    const events = Array.from({ length: 1000 }, (_, index) => ({
      event_type: index === 500 ? 'surprise' : 'custom',
      service: 'batch',
      message: `line ${index}`,
    }))
    const { status, body } = await platform.post(events)
    expect(status).toBe(202)
    expect(body).toMatchObject({ accepted: 999, rejected: [{ index: 500 }] })
    await waitFor(async () => (await countOf(`service = 'batch'`)) === 999, { what: '999 rows' })
  })
})

describe('an outage', () => {
  it('becomes one incident with reasons, on the API and on the live stream', async () => {
    const nowMs = () => systemClock.monotonicMs()
    await using stream = await openStream(new URL('/api/stream', platform.url), { nowMs })
    // Detection is slow to cry about a service it never saw, so this one gets a past.
    const past = quietPast({ service: 'orders', minutes: 80, nowMs: systemClock.nowMs() })
    expect((await platform.post(past)).body).toMatchObject({ accepted: 800 })
    for (let wave = 0; wave < 3; wave += 1) {
      await platform.post(failures({ service: 'orders', count: 60 }))
      await systemClock.sleep(400)
    }
    const row = await waitFor(
      async () => {
        const { items } = await platform.get<Page<IncidentRow>>('/api/incidents')
        return items.find(({ services }) => services.includes('orders'))
      },
      { what: 'the incident' },
    )
    expect(row.status).toBe('open')
    expect(row.title).toContain('ConnectionError')
    const { incident, summary } = await waitFor(
      async () => {
        const detail = await platform.get<IncidentDetail>(`/api/incidents/${row.id}`)
        return detail.summary === null ? undefined : detail
      },
      { what: 'its summary' },
    )
    checkIncident(incident)
    expect(summary).toMatchObject({ fallback: true })
    expect(summary?.next_steps.length).toBeGreaterThan(0)
    const message = await waitFor(
      () => stream.messages.find(({ data }) => data.includes(`"incidentId":"${row.id}"`)),
      { what: 'the incident on the stream' },
    )
    expect(JSON.parse(message.data)).toMatchObject({
      type: 'incident',
      data: { incidentId: row.id, status: 'active', affectedServices: ['orders'] },
    })
    const events = stream.messages.filter(({ data }) => data.startsWith('{"type":"event"'))
    expect(events.length).toBeGreaterThan(100)
  })

  function checkIncident(incident: Incident): void {
    expect(incident.severity.terms.map(({ name }) => name).toSorted()).toEqual(
      ['burst', 'business', 'criticality', 'error_budget', 'novelty', 'spread', 'users'].toSorted(),
    )
    const z = incident.severity.terms.reduce((sum, { weight, value }) => sum + weight * value, 0)
    expect(incident.severity.z).toBeCloseTo(z, 6)
    expect(incident.severity.score).toBe(Math.round((100 * z) / 5.9))
    expect(incident.timeline[0]).toMatchObject({ kind: 'opened' })
    expect(incident.members.map(({ service }) => service)).toContain('orders')
  }
})

describe('commands beside it', () => {
  it('[A11] keys are made, used, listed and revoked', async () => {
    const made = await platform.command(['keys', 'create', '--name', 'ci', '--json'])
    expect(made.code).toBe(0)
    const { id, key } = JSON.parse(made.stdout) as { id?: string; key: string }
    const event = { event_type: 'custom', service: 'keys', message: 'hello' }
    expect((await platform.post(event, key)).status).toBe(202)
    for (const wrong of ['', 'nonsense', `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`])
      expect((await platform.post(event, wrong)).status).toBe(401)
    const keyId = id ?? key.split('_')[1] ?? ''
    await waitFor(
      async () => {
        const { stdout } = await platform.command(['keys', 'list', '--json'])
        const { keys } = JSON.parse(stdout) as {
          keys: { id: string; last_used_at: number | null }[]
        }
        return keys.find((one) => one.id === keyId)?.last_used_at !== null
      },
      { what: 'the time of its last use', withinMs: 15_000, everyMs: 500 },
    )
    expect((await platform.command(['keys', 'revoke', keyId])).code).toBe(0)
    const { status, body } = await platform.post(event, key)
    expect({ status, code: body['code'] }).toEqual({ status: 401, code: 'unauthorized' })
    const again = await platform.command(['keys', 'revoke', 'nobody'])
    expect(again.code).toBe(1)
  })

  it('tables for people, JSON for machines, help for everybody', async () => {
    await waitForEvents(platform, 1)
    const [lag, lagJson, topics, config, help] = await Promise.all([
      platform.command(['lag']),
      platform.command(['lag', '--json']),
      faultline(['topics']),
      platform.command(['config', '--port', '1234']),
      faultline(['--help']),
    ])
    for (const { code } of [lag, lagJson, topics, config, help]) expect(code).toBe(0)
    expect(lag.stdout).toMatch(/fingerprint +running +signals\.raw\.v1\/0/)
    const stages = JSON.parse(lagJson.stdout) as { stage: string; status: string }[]
    expect(stages.map(({ stage }) => stage)).toContain('events-sink')
    expect(new Set(stages.map(({ status }) => status))).toEqual(new Set(['running']))
    expect(topics.stdout).toContain('signals.raw.v1')
    expect(config.stdout).toMatch(/^port: 1234 {2}# flag$/m)
    expect(help.stdout).toContain('ingest')
  })
})
