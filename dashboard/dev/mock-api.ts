/**
 * A test twin of the HTTP API: seeded, made-up data in the shapes of schemas/view.ts, and live frames. It
 * serves `vite dev` and the browser tests. It is not the API, keeps nothing, and checks no key.
 */
import type {
  EventView,
  IncidentRow,
  MeView,
  PostMortem,
  Problem,
  SearchView,
} from '#lib/contract.ts'
import {
  emptyOverview,
  incidentDetail,
  incidentPage,
  incidentStats,
  issueDetail,
  issueRows,
  metricSeries,
  overviewAnswer,
  pipelineAnswer,
  searchAnswer,
  serviceDetail,
  serviceRows,
  sqlAnswer,
} from './mock/answers.ts'
import { changesAnswer, graphAnswer } from './mock/compare.ts'
import { deliveries, onCall } from './mock/deliveries.ts'
import { askAnswer, knowledgeAnswer } from './mock/ask.ts'
import { detectors, warnings } from './mock/detectors.ts'
import { replayDiffs } from './mock/replay-diffs.ts'
import { drillReport, drills } from './mock/drills.ts'
import { sweeps } from './mock/sweeps.ts'
import { makeEvent } from './mock/events.ts'
import { FrameSource } from './mock/live.ts'
import { rangeOf, unknownParam, type Asked } from './mock/params.ts'
import { makeIncident, makeWorld, rowOf, sparkOf, type World } from './mock/world.ts'

export interface MockOptions {
  seed: number
  now: () => number
  /** Milliseconds between live frames, and events in each; ten when not told. */
  everyMs?: number
  eventsPerFrame?: number
}

export interface MockApi {
  respond: (request: Request) => Promise<Response>
  /** Begins to send live frames. */
  start: () => void
  stop: () => void
  /** Answers every request with an error, and cuts streams, until switched back. */
  fail: (down: boolean) => void
  /** Answers for addresses that begin so are 503; empty for none. */
  breakPart: (start: string) => void
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

const found = (body: unknown): Response =>
  body === null ? problem(404, 'not_found', 'There is nothing at this address.') : json(body)

/** What the twin answers to a question, with or without data. */
function read(world: World, asked: Asked, state: { isEmpty: boolean; viewers: number }): Response {
  const { isEmpty, viewers } = state
  const [, area = '', id = ''] = asked.path.split('/').map(decodeURIComponent)
  const unknown = unknownParam(asked)
  if (unknown !== null) return problem(400, 'invalid_request', `There is no parameter ${unknown}.`)
  if (asked.path === '/incidents/stats') return json(incidentStats(world, isEmpty))
  if (id !== '' && area === 'incidents') return found(incidentDetail(world, id))
  if (id !== '' && area === 'issues') return found(issueDetail(world, id, asked.now))
  if (id !== '' && area === 'services') return found(serviceDetail(world, id, asked))
  const page = (items: readonly unknown[]): Response =>
    json({ items: isEmpty ? [] : items, next: null })
  switch (area) {
    case 'auth':
      return json(ME)
    case 'deliveries':
      return page(deliveries(asked.now))
    case 'on-call':
      return json(onCall(asked.now))
    case 'detectors':
      return page(id === 'backtests' ? [] : detectors(asked.now))
    case 'drills':
      return id === ''
        ? json({ items: isEmpty ? [] : drills(asked.now), next: null, now: asked.now })
        : json({ report: drillReport(asked.now), head: '5f'.repeat(32), markdown: '' })
    case 'sweeps':
      return page(sweeps(asked.now))
    case 'warnings':
      return page(warnings(asked.now))
    case 'replay-diffs':
      return page(replayDiffs(asked.now))
    case 'overview':
      return json(isEmpty ? emptyOverview(asked.now) : overviewAnswer(world, asked))
    case 'incidents':
      return page(incidentPage(world, asked).items)
    case 'issues':
      return page(issueRows(world, asked))
    case 'events': {
      const { items, next } = isEmpty ? EMPTY_SEARCH : searchAnswer(world, asked)
      return json({ items, next })
    }
    case 'search':
      return json(isEmpty ? EMPTY_SEARCH : searchAnswer(world, asked))
    case 'services':
      return json(isEmpty ? [] : serviceRows(world))
    case 'deploys': {
      const { from, to } = rangeOf(asked)
      return page(world.deploys.filter((deploy) => deploy.at >= from && deploy.at < to))
    }
    case 'changes':
      return json(
        isEmpty
          ? { ...changesAnswer(asked), events: 0, events_before: 0, changes: [] }
          : changesAnswer(asked),
      )
    case 'graph':
      return json(isEmpty ? { nodes: [], edges: [] } : graphAnswer(world))
    case 'metrics':
      return json(metricSeries(world, asked))
    case 'pipeline':
      return json(pipelineAnswer(world, viewers))
    default:
      return found(null)
  }
}

/** The made-up API has no accounts: everybody reads. */
const ME: MeView = {
  principal: null,
  email: '',
  project: 'default',
  projects: [],
  organisation: '',
  open: true,
  setup: true,
  registration: 'invitation',
  oidc: null,
}

/** What people did about any incident: of the document only what the printed page shows. */
const RECORD: Pick<
  PostMortem,
  'pinned' | 'solution' | 'openItems' | 'doneItems' | 'notes' | 'people' | 'commander' | 'scribe'
> = {
  pinned: ['The pool of connections was full.'],
  solution: null,
  openItems: [],
  doneItems: [],
  notes: [],
  people: [{ id: 'user:ann', name: 'Ann' }],
  commander: null,
  scribe: null,
}

const EMPTY_SEARCH: SearchView = { items: [], next: null, total: 0, facets: [], histogram: [] }

/** Handles are arrow functions, so that they can be passed on alone. */
class Mock implements MockApi {
  readonly #options: MockOptions
  readonly #world: World
  readonly #frames = new FrameSource()
  #isDown = false
  #broken = ''
  #isEmpty = false
  #made = 10_000
  #extra = 400
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(options: MockOptions) {
    this.#options = options
    this.#world = makeWorld(options.seed, options.now())
  }

  respond = async (request: Request): Promise<Response> => {
    if (this.#isDown)
      return problem(503, 'storage_unavailable', 'ClickHouse cannot be reached at the moment.')
    const { pathname, searchParams: params } = new URL(request.url)
    if (this.#broken !== '' && pathname.startsWith(this.#broken))
      return problem(503, 'storage_unavailable', 'ClickHouse cannot be reached at the moment.')
    if (pathname === '/api/stream/frames') return this.#stream(request, params)
    if (pathname === '/api/sql' && request.method === 'POST') {
      const body = (await request.json()) as { sql?: string }
      const result = sqlAnswer(this.#world, body.sql ?? '')
      const refused = problem(400, 'invalid_sql', 'Only one SELECT is allowed.')
      return result === null ? refused : json(result)
    }
    if (pathname === '/api/ai/ask') {
      const { question = '' } = (await request.json()) as { question?: string }
      return json(askAnswer(question, this.#options.now()))
    }
    if (pathname === '/api/knowledge')
      return json(knowledgeAnswer(this.#isEmpty, this.#options.now()))
    if (pathname === '/api/ws-ticket') return problem(401, 'unauthorized', 'Nobody is signed in.')
    if (/^\/api\/incidents\/[^/]+\/room/.test(pathname)) return found(null)
    if (pathname.endsWith('/post-mortem')) return json(RECORD)
    const asked = { path: pathname.slice(4), params, now: this.#options.now() }
    return read(this.#world, asked, { isEmpty: this.#isEmpty, viewers: this.#frames.clients })
  }

  start = (): void => {
    this.#timer ??= setInterval(() => {
      if (!this.#isDown && !this.#isEmpty)
        this.#push({ events: this.#fresh(this.#options.eventsPerFrame ?? 10) })
    }, this.#options.everyMs ?? 160)
  }

  stop = (): void => {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  breakPart = (start: string): void => {
    this.#broken = start
  }

  fail = (isDown: boolean): void => {
    this.#isDown = isDown
    this.#frames.cut()
  }

  cut = (): void => {
    this.#frames.cut()
  }

  empty = (isEmpty: boolean): void => {
    this.#isEmpty = isEmpty
  }

  burst = (rows: number): void => {
    for (let sent = 0; sent < rows; sent += 50) {
      const small = { stack: '', params: {}, attributes: {} }
      this.#push({ events: this.#fresh(50).map((event) => ({ ...event, ...small })) })
    }
  }

  lastEventId = (): string => `ev-${this.#made - 1}`

  openIncident = (): IncidentRow => {
    const now = this.#options.now()
    this.#extra += 1
    const base = makeIncident(this.#world, this.#options.seed, this.#extra)
    const opened = {
      ...base,
      number: this.#extra,
      status: 'open' as const,
      openedAt: now,
      updatedAt: now,
      title: 'PoolExhausted: no free connection',
      severity: { ...base.severity, level: 1, score: 97 },
    }
    const row = rowOf(opened, sparkOf(0, now))
    this.#world.incidents.set(opened.id, opened)
    this.#world.rows.set(row.id, row)
    this.#push({ events: [], incidents: [row] })
    return row
  }

  updateIncident = (id: string): void => {
    const row = this.#world.rows.get(id)
    if (row === undefined) return
    const events = row.events + 1000
    const next = { ...row, events, errors: events, updated_at: this.#options.now() }
    this.#world.rows.set(id, next)
    this.#push({ events: [], incidents: [next] })
  }

  #push(content: { events: readonly EventView[]; incidents?: readonly IncidentRow[] }): void {
    this.#frames.push(this.#options.now(), content)
  }

  #fresh(count: number): EventView[] {
    return Array.from({ length: count }, () => {
      this.#made += 1
      return makeEvent(this.#world, this.#made - 1, this.#options.now())
    })
  }

  #stream(request: Request, params: URLSearchParams): Response {
    const lastId = request.headers.get('last-event-id') ?? params.get('last_event_id') ?? ''
    return new Response(this.#frames.stream(lastId, request.signal), {
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
    })
  }
}

export function createMockApi(options: MockOptions): MockApi {
  return new Mock(options)
}
