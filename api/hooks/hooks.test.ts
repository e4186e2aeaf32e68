import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildApp } from '#/api/app.ts'
import { createTestApp } from '#/api/test-app.ts'
import type { TestApp } from '#/api/test-app.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import { SENTRY_EVENT } from '#/api/sentry/test-envelopes.ts'
import { alertEvents } from './alertmanager.ts'
import { githubEvents } from './github.ts'
import { mappedEvents, parseMappings } from './mapping.ts'
import { sentryHookEvents } from './sentry-webhook.ts'

const SECRET = 'it is a secret'
const MAPPINGS = {
  builds: {
    items: 'builds',
    map: { service: 'job.name', message: 'text', ticket: '$.ticket.id', severity: 'level' },
    set: { event_type: 'error', environment: 'ci' },
  },
}

let test: TestApp
beforeEach(async () => {
  test = await createTestApp()
  await test.app.close()
  const hooks = { githubSecret: SECRET, mappings: parseMappings(MAPPINGS) }
  test.app = buildApp({ ...test.deps, hooks })
})
afterEach(() => test.close())

interface Wish {
  headers?: Record<string, string>
  key?: string | null
}

async function hook(path: string, payload: unknown, wish: Wish = {}) {
  const { key = test.ingestKey, headers } = wish
  const answer = await test.app.inject({
    method: 'POST',
    url: `/v1/hooks/${path}`,
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    headers: {
      'content-type': 'application/json',
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...headers,
    },
  })
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() }
}

const ALERT = {
  status: 'firing',
  labels: {
    alertname: 'HighErrorRate',
    service: 'checkout',
    severity: 'critical',
    instance: 'checkout-6d9f:8080',
    environment: 'staging',
  },
  annotations: { summary: '5 % of requests fail', runbook_url: 'https://runbooks.example/errors' },
  startsAt: '2026-11-21T03:20:00.120Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: 'http://prometheus.example/graph?g0.expr=up',
  fingerprint: 'c1c2b3a4d5e6f708',
}

function alertmanager(...alerts: readonly object[]) {
  return {
    version: '4',
    groupKey: '{}:{alertname="HighErrorRate"}',
    status: 'firing',
    receiver: 'faultline',
    groupLabels: { alertname: 'HighErrorRate' },
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager.example',
    alerts,
  }
}

describe('alerts', () => {
  it('[J4] Alertmanager: a firing alert is an error, its end is told, sent again it is the same', async () => {
    const resolved = { ...ALERT, status: 'resolved', endsAt: '2026-11-21T03:28:00Z' }
    const labels = { alertname: 'Backlog', job: 'worker', severity: 'info' }
    const quiet = { ...ALERT, fingerprint: 'other', labels }
    const payload = alertmanager(ALERT, resolved, quiet)
    expect(await hook('alertmanager', payload)).toEqual({
      status: 202,
      body: { accepted: 3, rejected: [], skipped: [] },
    })
    await hook('alertmanager', payload)
    const events = await test.rawEvents()
    expect(new Set(events.map((event) => event.event_id)).size).toBe(3)
    expect(events).toHaveLength(6)
    const [firing, end] = events.filter(({ service }) => service === 'checkout')
    expect(firing).toMatchObject({
      event_type: 'error',
      severity: 5,
      message: '5 % of requests fail',
      error_type: 'HighErrorRate',
      host: 'checkout-6d9f:8080',
      environment: 'staging',
      occurred_at: Date.parse(ALERT.startsAt),
      tags: ['alert', 'firing'],
    })
    expect(firing?.attributes).toMatchObject({
      alertname: 'HighErrorRate',
      'annotation.runbook_url': 'https://runbooks.example/errors',
    })
    expect(end).toMatchObject({
      event_type: 'custom',
      severity: 2,
      message: 'resolved: 5 % of requests fail',
      occurred_at: Date.parse('2026-11-21T03:28:00Z'),
    })
    expect(events.find(({ service }) => service === 'worker')).toMatchObject({
      event_type: 'custom',
      severity: 2,
    })
  })

  it('[J4] Grafana sends the same with more beside it', async () => {
    const alert = {
      ...ALERT,
      labels: { alertname: 'Latency', grafana_folder: 'shop' },
      annotations: {},
      values: { B: 3.2 },
      valueString: "[ var='B' labels={} value=3.2 ]",
      panelURL: 'https://grafana.example/d/x?viewPanel=1',
    }
    const payload = {
      receiver: 'x',
      status: 'firing',
      orgId: 1,
      title: '[FIRING:1]',
      alerts: [alert],
    }
    expect((await hook('grafana?service=shop&environment=eu', payload)).status).toBe(202)
    const [event] = await test.rawEvents()
    expect(event).toMatchObject({
      service: 'shop',
      environment: 'eu',
      severity: 3,
      message: '[FIRING:1]',
    })
    expect(event?.attributes['panelURL']).toBe(alert.panelURL)
  })
})

const DEPLOYMENT = {
  deployment: {
    id: 4711,
    sha: '9f8e7d6c5b4a39281706f5e4d3c2b1a098765432',
    ref: 'main',
    task: 'deploy',
    environment: 'production',
    description: 'ship it',
    creator: { login: 'octo' },
    created_at: '2026-11-21T03:10:00Z',
    payload: {},
  },
  deployment_status: { state: 'success', created_at: '2026-11-21T03:12:00Z' },
  repository: { name: 'checkout', full_name: 'shop/checkout', default_branch: 'main' },
  sender: { login: 'octo' },
}

describe('GitHub', () => {
  const signed = (payload: unknown, kind: string, secret = SECRET): Wish => ({
    key: null,
    headers: {
      'x-github-event': kind,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(JSON.stringify(payload)).digest('hex')}`,
    },
  })

  it('[J4] a deployment that succeeded is a deploy, whoever knows the secret may tell', async () => {
    const wish = signed(DEPLOYMENT, 'deployment_status')
    expect((await hook('github', DEPLOYMENT, wish)).body).toMatchObject({ accepted: 1 })
    const [event] = await test.rawEvents()
    expect(event).toMatchObject({
      event_type: 'deploy',
      event_id: 'github-deploy-4711',
      project: 'default',
      service: 'checkout',
      release: '9f8e7d6c5b4a',
      environment: 'production',
      occurred_at: Date.parse('2026-11-21T03:12:00Z'),
      user_id: 'octo',
      message: 'ship it',
    })
    expect(event?.attributes).toMatchObject({ deploy_id: '4711', repository: 'shop/checkout' })
  })

  it('[J4] a wrong signature, none, or one of another body is refused', async () => {
    const kind = 'deployment_status'
    const status = async (wish: Wish) => (await hook('github', DEPLOYMENT, wish)).status
    expect(await status(signed(DEPLOYMENT, kind, 'another'))).toBe(401)
    expect(await status(signed({ ...DEPLOYMENT, x: 1 }, kind))).toBe(401)
    expect(await status({ key: null })).toBe(401)
    expect(await status({ key: test.readKey })).toBe(403)
    expect(await status({ headers: { 'x-github-event': kind } })).toBe(202)
    expect((await hook('sentry', {}, { key: null })).status).toBe(401)
    expect((await hook('alertmanager', alertmanager(ALERT), { key: null })).status).toBe(401)
    const evil = await hook('github?project=a%2Fb', DEPLOYMENT, signed(DEPLOYMENT, kind))
    expect(evil.status).toBe(400)
    expect(await test.rawEvents()).toHaveLength(1)
  })

  it('[J4] statuses before the end make nothing, a failure is told, a release is a deploy', async () => {
    const none = { service: '', environment: '' }
    const withState = (state: string) => ({ ...DEPLOYMENT, deployment_status: { state } })
    const drawn = githubEvents('deployment_status', withState('in_progress'), none)
    expect(drawn).toEqual({ events: [], skipped: [expect.stringContaining('in_progress')] })
    const failed = githubEvents('deployment_status', withState('failure'), none).events[0]
    expect(failed).toMatchObject({ event_type: 'custom', message: 'deployment ended with failure' })
    const release = {
      action: 'published',
      release: { id: 9, tag_name: 'v3.0.0', name: 'Three', published_at: '2026-11-21T03:00:00Z' },
      repository: DEPLOYMENT.repository,
    }
    expect(githubEvents('release', release, none).events[0]).toMatchObject({
      event_type: 'deploy',
      release: 'v3.0.0',
      service: 'checkout',
    })
    expect(githubEvents('release', { ...release, action: 'edited' }, none).events).toEqual([])
    expect(githubEvents('ping', { zen: 'x' }, none).skipped).toHaveLength(1)
  })
})

describe('Sentry', () => {
  it('[J4] an alert carries the event, an issue its title, and a metric its words', async () => {
    const resource = (name: string): Wish => ({ headers: { 'sentry-hook-resource': name } })
    const event = { ...SENTRY_EVENT, web_url: 'https://sentry.example/1' }
    const alert = { action: 'triggered', data: { event, triggered_rule: 'any error' } }
    expect((await hook('sentry', alert, resource('event_alert'))).status).toBe(202)
    const issue = {
      id: '42',
      shortId: 'SHOP-1',
      title: 'PaymentError: no',
      metadata: { type: 'PaymentError', value: 'no' },
      project: { slug: 'shop' },
      firstSeen: '2026-11-21T03:00:00Z',
    }
    await hook('sentry', { action: 'created', data: { issue } }, resource('issue'))
    const metric = { action: 'critical', data: { description_title: 'Critical: p95' } }
    await hook('sentry?service=web', metric, resource('metric_alert'))
    const events = await test.rawEvents()
    const of = (service: string) => events.find((one) => one.service === service)
    expect(of('shop-backend')).toMatchObject({ error_type: 'PaymentError', event_type: 'error' })
    expect(of('shop-backend')?.attributes['sentry.rule']).toBe('any error')
    expect(of('shop')).toMatchObject({ event_id: 'sentry-42-created', message: 'no', severity: 4 })
    expect(of('web')).toMatchObject({ message: 'Critical: p95', severity: 5 })
  })
})

describe('any other system', () => {
  const payload = {
    ticket: { id: 17 },
    builds: [
      { job: { name: 'api' }, text: 'tests failed', level: 'high' },
      { job: { name: 'web' }, text: 'lint failed', level: 'low' },
    ],
  }

  it('[J4] by a mapping of the configuration, of the address, or as it came', async () => {
    expect((await hook('generic?mapping=builds', payload)).body).toMatchObject({ accepted: 2 })
    const query = 'items=builds&map=service=job.name,message=text&set=event_type=feedback,team=a'
    expect((await hook(`generic?${query}`, payload)).body).toMatchObject({ accepted: 2 })
    expect((await hook('generic?service=raw', payload)).body).toMatchObject({ accepted: 1 })
    const events = await test.rawEvents()
    const of = (service: string) => events.filter((event) => event.service === service)
    expect(of('api')).toMatchObject([
      {
        event_type: 'error',
        severity: 4,
        environment: 'ci',
        message: 'tests failed',
        attributes: { ticket: '17' },
      },
      { event_type: 'feedback', attributes: { team: 'a' } },
    ])
    expect(of('raw')[0]?.attributes['payload']).toContain('tests failed')
  })

  it.each([
    ['generic?mapping=nothing', 'mapping'],
    ['generic?map=x', 'map'],
    ['generic?items=a.b', 'a.b'],
    ['generic?unknown=1', 'unknown'],
    ['alertmanager', 'alerts'],
    ['generic', 'service'],
  ])('%s: what is wrong is named', async (path, place) => {
    const { status, body } = await hook(path, { hello: 'world' })
    expect(status).toBe(400)
    expect(body).toMatchObject({ path: place })
    expect(body['remedy']).toBeTruthy()
  })

  it.each([
    [[], '$'],
    [{ a: { itms: 'x' } }, '$.a.itms'],
    [{ a: { items: 3 } }, '$.a.items'],
    [{ a: { map: { x: 1 } } }, '$.a.map.x'],
  ])('a file of mappings: %j is refused at %s', (value, path) => {
    expect(() => parseMappings(value)).toThrow(expect.objectContaining({ path }))
  })
})

it('payloads of any shape become events or are refused', () => {
  const none = { service: '', environment: '' }
  const mapping = { items: 'alerts', map: { message: 'labels.a' }, set: {} }
  const any = fc.oneof(
    fc.jsonValue(),
    fc.record({ alerts: fc.array(fc.jsonValue()) }),
    fc.record({ deployment: fc.jsonValue(), release: fc.jsonValue(), data: fc.jsonValue() }),
  )
  fc.assert(
    fc.property(any, (payload) => {
      for (const read of [
        () => alertEvents(payload, none),
        () => githubEvents('deployment_status', payload, none),
        () => githubEvents('release', payload, none),
        () => sentryHookEvents('event_alert', payload, none),
        () => sentryHookEvents('issue', payload, none),
        () => mappedEvents(payload, mapping, none),
      ])
        try {
          read()
        } catch (error) {
          if (!isFaultlineError(error)) throw error
        }
    }),
    { numRuns: 500 },
  )
})
