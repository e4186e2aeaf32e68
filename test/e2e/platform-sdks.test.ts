/** What a team has already: real SDKs of OpenTelemetry and Sentry, configured by an address and a key alone. */
import { join } from 'node:path'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { Kafka, logLevel } from 'kafkajs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { eventOf } from '#/test/kafka/front-clients.ts'
import { CHROMIUM_REMEDY, findChromium, launchChromium } from './chromium.ts'
import { startPlatform, type RunningPlatform } from './platform.ts'
import { spawnNode, waitFor } from './processes.ts'

interface Issue {
  fingerprint: string
  title: string
  services: string[]
  method: string
}

let platform: RunningPlatform
beforeAll(async () => {
  platform = await startPlatform()
  await sendAll()
})
afterAll(() => platform.stop())

/** One service that answers a request; gives back the trace context of its call. */
async function openTelemetry(wish: {
  service: string
  protocol: string
  callee?: string
  failure?: string
  parent?: string
}): Promise<string> {
  const { service, protocol, callee = '', failure = '', parent } = wish
  const { code, stdout, stderr } = await spawnNode([callee, failure], {
    script: join(import.meta.dirname, 'sdk-opentelemetry.ts'),
    input: '',
    environment: {
      OTEL_SERVICE_NAME: service,
      OTEL_RESOURCE_ATTRIBUTES: 'service.version=v2.4.1,deployment.environment.name=prod',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: platform.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${platform.key}`,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      ...(parent === undefined ? {} : { TRACEPARENT: parent }),
    },
  }).finished
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trim()
}

async function sentry(): Promise<void> {
  const { dsn } = await platform.get<{ dsn: string }>('/api/projects/default/dsn')
  const { code, stderr } = await spawnNode([], {
    script: join(import.meta.dirname, 'sdk-sentry.ts'),
    input: '',
    environment: { SENTRY_DSN: dsn },
  }).finished
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
}

async function sendAll(): Promise<void> {
  const fromWeb = await openTelemetry({
    service: 'web',
    protocol: 'http/protobuf',
    callee: 'orders',
  })
  const fromOrders = await openTelemetry({
    service: 'orders',
    protocol: 'http/json',
    callee: 'payment',
    failure: 'no order 4711',
    parent: fromWeb,
  })
  await openTelemetry({
    service: 'payment',
    protocol: 'http/protobuf',
    failure: 'no card 4711',
    parent: fromOrders,
  })
  await sentry()
}

async function issueOf(service: string): Promise<Issue> {
  return waitFor(
    async () => {
      const { items } = await platform.get<{ items: Issue[] }>('/api/issues')
      return items.find(({ services }) => services.includes(service))
    },
    { what: `an issue of ${service}`, withinMs: 30_000 },
  )
}

describe('real SDKs', () => {
  it.each([
    ['[A16] OpenTelemetry over protobuf', 'payment', 'TypeError: no ', 'chargeCard'],
    ['[A16] OpenTelemetry over JSON', 'orders', 'TypeError: no ', 'chargeCard'],
    ['[A17] Sentry', 'invoices', 'reduce', 'totalOf'],
  ])('%s: an exception is an issue with its stack', async (_, service, text, frame) => {
    const issue = await issueOf(service)
    expect(issue.title).toContain(text)
    expect(issue.method).toBe('stack')
    const [event] = await platform.clickhouse<{ stack: string; release: string; type: string }>(
      `SELECT stack, release, error_type AS type FROM events WHERE service = '${service}' AND event_type = 'error'`,
    )
    expect(event?.stack).toContain(frame)
    expect(event?.type).toBe('TypeError')
    expect(event?.release).toMatch(/^(v2\.4\.1|invoices@1\.4\.0)$/)
  })

  it('[A16] [E10] a trace of three services draws their calls', async () => {
    const { edges } = await platform.get<{ edges: object[] }>('/api/graph')
    expect(edges).toHaveLength(2)
    const call = { calls: 1, errors: 1, declared: false }
    expect(edges).toContainEqual({ caller: 'web', callee: 'orders', ...call })
    expect(edges).toContainEqual({ caller: 'orders', callee: 'payment', ...call })
    const requests = await platform.clickhouse<{ service: string; status: number }>(
      "SELECT service, status_code AS status FROM events WHERE event_type = 'http_request' AND service != 'invoices' ORDER BY service",
    )
    expect(requests).toEqual([
      { service: 'orders', status: 500 },
      { service: 'payment', status: 500 },
      { service: 'web', status: 200 },
    ])
  })

  it('[A17] Sentry’s user, tags, breadcrumbs and transaction arrive too', async () => {
    await issueOf('invoices')
    const rows = await platform.clickhouse<{
      event_type: string
      user_id: string
      route: string
      attributes: Record<string, string>
    }>(
      "SELECT event_type, user_id, route, attributes FROM events WHERE service = 'invoices' ORDER BY event_type",
    )
    expect(rows.map(({ event_type: type }) => type)).toEqual(['error', 'http_request'])
    expect(rows[0]).toMatchObject({ user_id: 'u-77', attributes: { region: 'eu-1' } })
    expect(rows[0]?.attributes['breadcrumbs']).toContain('invoice 4711 is read')
    expect(rows[1]?.route).toBe('/api/invoices/:id')
  })
})

it('[A5] kafkajs with Confluent’s registry client produces an event that appears like the one over HTTP', async () => {
  const nowMs = systemClock.nowMs()
  const registry = new SchemaRegistry({ host: platform.registryUrl })
  const id = await registry.getLatestSchemaId(`${TOPICS.raw.name}-value`)
  const message = 'payment 4711 timed out'
  const value = await registry.encode(id, eventOf('over-kafka', nowMs, { message }))
  const producer = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  const messages = [{ key: 'default/checkout', value }]
  await producer.send({ topic: TOPICS.raw.name, messages })
  await producer.disconnect()
  const sent = { event_type: 'error', service: 'checkout', severity: 4, occurred_at: nowMs }
  const text = { message, error_type: 'TimeoutError' }
  expect((await platform.post({ ...sent, ...text, event_id: 'over-http' })).status).toBe(202)
  const rows = await waitFor(
    async () => {
      const found = await platform.clickhouse<Record<string, unknown>>(
        "SELECT * EXCEPT (message, params, received_at, _offset) FROM events WHERE service = 'checkout' ORDER BY event_id",
      )
      return found.length === 2 && found
    },
    { what: 'both events', withinMs: 20_000 },
  )
  const [http, kafka] = rows
  expect({ ...kafka, event_id: '' }).toEqual({ ...http, event_id: '' })
  expect(kafka?.['fingerprint']).not.toBe('')
})

const chromiumPath = await findChromium()
if (chromiumPath === null) process.stderr.write(`\n!! SKIPPED: ${CHROMIUM_REMEDY}\n\n`)

describe.skipIf(chromiumPath === null)('in the browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium(chromiumPath ?? '')
  })
  afterAll(() => browser.close())

  it('[A16] [A17] the page of each issue shows its stack', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    for (const [service, frame] of [
      ['payment', 'chargeCard'],
      ['invoices', 'totalOf'],
    ] as const) {
      const { fingerprint } = await issueOf(service)
      await page.goto(`${platform.url}/issues/${fingerprint}`)
      await page.getByText(frame).first().waitFor({ timeout: 15_000 })
    }
  })

  it('[E9] [K3] what breaks in a page is an event of the platform’s own project', async () => {
    const page = await browser.newPage()
    await page.goto(platform.url)
    await page.locator('html[data-live]').waitFor()
    await page.evaluate("setTimeout(() => { throw new RangeError('a page broke') }, 0)")
    await page.evaluate("void Promise.reject(new TypeError('a promise broke'))")
    const rows = await waitFor(
      async () => {
        const found = await platform.clickhouse<{ service: string; type: string; route: string }>(
          "SELECT service, error_type AS type, route FROM events WHERE project = 'faultline' ORDER BY type",
        )
        return found.length >= 2 && found
      },
      { what: 'errors of the page', withinMs: 20_000 },
    )
    expect(rows).toEqual([
      { service: 'dashboard', type: 'RangeError', route: '/' },
      { service: 'dashboard', type: 'TypeError', route: '/' },
    ])
    await page.close()
  })

  it('[E9] a window of time shows errors of browsers and of servers beside each other', async () => {
    const { dsn } = await platform.get<{ dsn: string }>(
      '/api/projects/default/dsn?service=shop-web',
    )
    const { username, pathname } = new URL(dsn)
    const event = {
      platform: 'javascript',
      level: 'error',
      exception: { values: [{ type: 'TypeError', value: 'the basket is undefined' }] },
    }
    const sent = await fetch(`${platform.url}/api${pathname}/envelope/?sentry_key=${username}`, {
      method: 'POST',
      headers: { origin: 'https://shop.example' },
      body: `{}\n{"type":"event"}\n${JSON.stringify(event)}\n`,
    })
    expect(sent.status).toBe(200)
    await issueOf('shop-web')
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    const nowMs = systemClock.nowMs()
    await page.goto(`${platform.url}/explore?from=${nowMs - 600_000}&to=${nowMs + 60_000}`)
    for (const text of ['the basket is undefined', 'no card 4711'])
      await page.getByText(text).first().waitFor({ timeout: 15_000 })
    const picture = process.env['FAULTLINE_PICTURE']
    if (picture !== undefined) await page.screenshot({ path: picture })
    await page.close()
  })
})
