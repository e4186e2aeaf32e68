/**
 * A test twin of the HTTP API: seeded, made-up data in the shapes of schemas/view.ts, and live frames. It
 * serves `vite dev` and the browser tests. It is not the API, keeps nothing, and checks no key.
 */
import type { EventView, IncidentRow, Problem } from '../src/lib/contract.ts'
import {
  deploysOf,
  emptyOverview,
  incident,
  incidents,
  incidentStats,
  unknownParam,
  series,
  issue,
  issues,
  overview,
  pipeline,
  rangeOf,
  search,
  service,
  services,
  sql,
  type Asked,
} from './mock/answers.ts'
import { makeEvent } from './mock/events.ts'
import { FrameSource } from './mock/live.ts'
import { makeIncident, makeWorld, rowOf, sparkOf } from './mock/world.ts'

export interface MockOptions {
  seed: number
  now: () => number
  /** Milliseconds between live frames of ten events. */
  everyMs?: number
}

export interface MockApi {
  respond: (request: Request) => Promise<Response>
  /** Begins to send live frames. */
  start: () => void
  stop: () => void
  /** Answers every request with an error, and cuts streams, until switched back. */
  fail: (down: boolean) => void
  /** Ends every open stream, as a proxy that restarts does; new ones are served. */
  cut: () => void
  /** As on the day of installation: no event yet. */
  empty: (empty: boolean) => void
  /** Sends frames of 50 small events as fast as they can be written. */
  burst: (rows: number) => void
  /** Id of the last event that was sent. */
  lastEventId: () => string
  /** A new worst incident in the next frame; returns its row. */
  openIncident: () => IncidentRow
  /** More events for a known incident. */
  updateIncident: (id: string) => void
}

const json = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' },
  })

function problem(status: number, code: string, detail: string): Response {
  const body: Problem = {
    type: `/docs/errors#${code}`,
    title: detail,
    status,
    code,
    detail,
    request_id: 'mock',
  }
  return json(body, status)
}

export function createMockApi(options: MockOptions): MockApi {
  const { seed, now } = options
  const world = makeWorld(seed, now())
  const frames = new FrameSource()
  let down = false
  let isEmpty = false
  let made = 10_000
  let extra = 400
  let timer: ReturnType<typeof setInterval> | undefined

  const fresh = (count: number): EventView[] =>
    Array.from({ length: count }, () => makeEvent(world, made++, now()))
  const found = (body: unknown): Response =>
    body === null ? problem(404, 'not_found', 'There is nothing at this address.') : json(body)

  async function runSql(request: Request): Promise<Response> {
    const body = (await request.json()) as { sql?: string }
    const result = sql(world, body.sql ?? '')
    return result === null
      ? problem(400, 'invalid_sql', 'Only one SELECT is allowed.')
      : json(result)
  }

  function read(asked: Asked): Response {
    const [, area = '', id = ''] = asked.path.split('/').map(decodeURIComponent)
    const list = { items: isEmpty ? [] : undefined, next: null }
    const unknown = unknownParam(asked)
    if (unknown !== null)
      return problem(400, 'invalid_request', `There is no parameter ${unknown}.`)
    if (asked.path === '/incidents/stats') return json(incidentStats(world, isEmpty))
    if (id !== '' && area === 'incidents') return found(incident(world, id))
    if (id !== '' && area === 'issues') return found(issue(world, id, asked.now))
    if (id !== '' && area === 'services') return found(service(world, id, asked))
    switch (area) {
      case 'overview':
        return json(isEmpty ? emptyOverview(asked.now) : overview(world, asked))
      case 'incidents':
        return json(isEmpty ? list : incidents(world, asked))
      case 'issues':
        return json({ items: isEmpty ? [] : issues(world, asked), next: null })
      case 'search': {
        const answer = search(world, asked)
        return json(
          isEmpty
            ? { ...answer, items: [], next: null, total: 0, facets: [], histogram: [] }
            : answer,
        )
      }
      case 'services':
        return json(isEmpty ? [] : services(world))
      case 'deploys': {
        const { from, to } = rangeOf(asked)
        const items = deploysOf(world).filter((deploy) => deploy.at >= from && deploy.at < to)
        return json({ items: isEmpty ? [] : items, next: null })
      }
      case 'metrics':
        return json(series(world, asked))
      case 'pipeline':
        return json(pipeline(world, frames.clients))
      default:
        return found(null)
    }
  }

  return {
    async respond(request) {
      if (down)
        return problem(503, 'storage_unavailable', 'ClickHouse cannot be reached at the moment.')
      const url = new URL(request.url)
      if (url.pathname === '/api/stream/frames') {
        const lastId =
          request.headers.get('last-event-id') ?? url.searchParams.get('last_event_id') ?? ''
        const stream = frames.stream(lastId, request.signal)
        return new Response(stream, {
          headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
        })
      }
      if (url.pathname === '/api/sql' && request.method === 'POST') return runSql(request)
      return read({ path: url.pathname.slice(4), params: url.searchParams, now: now() })
    },
    start() {
      timer ??= setInterval(() => {
        if (!down && !isEmpty) frames.push(now(), { events: fresh(10) })
      }, options.everyMs ?? 160)
    },
    stop() {
      clearInterval(timer)
      timer = undefined
    },
    fail(isDown) {
      down = isDown
      frames.cut()
    },
    cut() {
      frames.cut()
    },
    empty(value) {
      isEmpty = value
    },
    burst(rows) {
      for (let sent = 0; sent < rows; sent += 50) {
        const events = fresh(50).map((event) => ({
          ...event,
          stack: '',
          params: {},
          attributes: {},
        }))
        frames.push(now(), { events })
      }
    },
    lastEventId: () => `ev-${made - 1}`,
    openIncident() {
      const base = makeIncident(world, seed, extra++)
      const opened = {
        ...base,
        number: extra,
        status: 'open' as const,
        openedAt: now(),
        updatedAt: now(),
        title: 'PoolExhausted: no free connection',
        severity: { ...base.severity, level: 1, score: 97 },
      }
      const row = rowOf(opened, sparkOf(0, now()))
      world.incidents.set(opened.id, opened)
      world.rows.set(row.id, row)
      frames.push(now(), { events: [], incidents: [row] })
      return row
    },
    updateIncident(id) {
      const row = world.rows.get(id)
      if (row === undefined) return
      const next = { ...row, events: row.events + 1000, updated_at: now() }
      world.rows.set(id, next)
      frames.push(now(), { events: [], incidents: [next] })
    },
  }
}
