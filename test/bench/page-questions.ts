import type { EventFilter, EventField, Reads } from '#/schemas/reads.ts'

/**
 * What the pages of the dashboard ask the store, with the ranges and steps they send: the hour most pages open with,
 * and the day of those that open with one. Everything a page waits for must be answered within a tenth of a second,
 * what Now waits for within half of that.
 */
export interface Question {
  name: string
  msMax: number
  ask: (reads: Reads) => Promise<unknown>
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MINUTE_MS = 60_000
const PAGE_MS = 100
const NOW_MS = 50

const FACETS: readonly EventField[] = [
  'event_type',
  'severity',
  'service',
  'environment',
  'release',
  'error_type',
]

export function questions(nowMs: number): readonly Question[] {
  const project = 'default'
  const ranges = {
    day: { project, from: nowMs - DAY_MS, to: nowMs },
    half: { project, from: nowMs - DAY_MS / 2, to: nowMs },
    hour: { project, from: nowMs - HOUR_MS, to: nowMs },
  }
  return [...pages(ranges), ...series(ranges), ...searches(ranges), ...places(nowMs)]
}

interface Range {
  project: string
  from: number
  to: number
}
type Ranges = Readonly<Record<'day' | 'half' | 'hour', Range>>

const [text, cursor] = ['', null] as const
const none: readonly EventFilter[] = []
const of = (field: EventField, value: string): EventFilter => ({
  field,
  values: [value],
  exclude: false,
})

/** What the address of a page names: found by the round that is not counted, since the page does not look for it. */
function found(look: (reads: Reads) => Promise<string>): (reads: Reads) => Promise<string> {
  let known: Promise<string> | undefined
  return (reads) => (known ??= look(reads))
}

const page = (name: string, ask: Question['ask'], msMax = PAGE_MS): Question => ({
  name,
  ask,
  msMax,
})

function pages({ day, hour }: Ranges): readonly Question[] {
  const open = { project: day.project, status: ['open', 'investigating'] as const, severity: [] }
  const issues = { services: [], text, cursor, limit: 50, order: 'desc' } as const
  return [
    page(
      'Now: overview, an hour',
      (r) => r.overview({ ...hour, stepMs: 10_000, nowMs: NOW_MS }),
      NOW_MS,
    ),
    page(
      'Now: overview, a day',
      (r) => r.overview({ ...day, stepMs: 300_000, nowMs: NOW_MS }),
      NOW_MS,
    ),
    page('Services: list, an hour', (r) => r.services(hour)),
    page('Services: list, a day', (r) => r.services(day)),
    page('Services: who calls whom, an hour', (r) => r.serviceGraph(hour)),
    page('Services: who calls whom, a day', (r) => r.serviceGraph(day)),
    page('Service: an hour', (r) => r.service({ ...hour, service: 'service-7', stepMs: 10_000 })),
    page('Service: a day', (r) => r.service({ ...day, service: 'service-7', stepMs: 300_000 })),
    page('Issues: a day', (r) => r.issues({ ...day, ...issues, sort: 'last_seen' })),
    page('Deploys: a day', (r) => r.deploys({ ...day, services: [], cursor, limit: 200 })),
    page('Incidents: open ones', (r) =>
      r.incidents({
        ...open,
        services: [],
        text,
        from: null,
        to: null,
        sort: 'severity',
        order: 'desc',
        cursor,
        limit: 200,
      }),
    ),
    page('Incidents: figures', (r) => r.incidentStats(day)),
    page('Incident', (r) => r.incident({ project: day.project, id: '1' })),
  ]
}

function series({ day, half, hour }: Ranges): readonly Question[] {
  const all = { filters: none, text, groupBy: null, limit: 6, stepMs: 300_000 } as const
  return [
    page('events by service, a day', (r) =>
      r.metrics({ ...day, ...all, stepMs: 900_000, metric: 'events', groupBy: 'service' }),
    ),
    page('errors by service, a day (Deploys)', (r) =>
      r.metrics({ ...day, ...all, stepMs: 600_000, metric: 'errors', groupBy: 'service' }),
    ),
    page('p95 of the duration, an hour by minutes', (r) =>
      r.metrics({ ...hour, ...all, stepMs: MINUTE_MS, metric: 'latency_p95' }),
    ),
    page('p95 of the duration, six hours by minutes', (r) =>
      r.metrics({
        ...half,
        ...all,
        from: half.to - 6 * HOUR_MS,
        stepMs: MINUTE_MS,
        metric: 'latency_p95',
      }),
    ),
    page('p95 of the duration, a day by minutes', (r) =>
      r.metrics({ ...day, ...all, stepMs: MINUTE_MS, metric: 'latency_p95' }),
    ),
    page('p95 of one service, a day by minutes', (r) =>
      r.metrics({
        ...day,
        ...all,
        filters: [of('service', 'service-7')],
        stepMs: MINUTE_MS,
        metric: 'latency_p95',
      }),
    ),
    page('p95 by service, a day', (r) =>
      r.metrics({ ...day, ...all, metric: 'latency_p95', groupBy: 'service' }),
    ),
    page('users, an hour by minutes', (r) =>
      r.metrics({ ...hour, ...all, stepMs: MINUTE_MS, metric: 'users' }),
    ),
    page('users, a day', (r) => r.metrics({ ...day, ...all, metric: 'users' })),
    page('event statistics, an hour', (r) => r.eventStats({ ...hour, filters: none, text })),
    page('event statistics, a day', (r) => r.eventStats({ ...day, filters: none, text })),
    page('events by route, an hour (Explore)', (r) =>
      r.metrics({ ...hour, ...all, stepMs: 30_000, metric: 'events', groupBy: 'route' }),
    ),
    page('events by host, an hour (Explore)', (r) =>
      r.metrics({ ...hour, ...all, stepMs: 30_000, metric: 'events', groupBy: 'host' }),
    ),
  ]
}

function searches({ day, half, hour }: Ranges): readonly Question[] {
  const window = { cursor, limit: 200, facets: FACETS, stepMs: 30_000 }
  const someone = found(async (r) => {
    const { items } = await r.events({ ...half, filters: none, text, cursor, limit: 1 })
    return items[0]?.user_id ?? ''
  })
  return [
    page('Explore: an hour', (r) => r.search({ ...hour, ...window, filters: none, text })),
    page('Explore: a day', (r) =>
      r.search({ ...day, ...window, stepMs: 600_000, filters: none, text }),
    ),
    page('Explore: errors of a service, an hour', (r) =>
      r.search({
        ...hour,
        ...window,
        filters: [of('service', 'service-7'), of('event_type', 'error')],
        text,
      }),
    ),
    page('Explore: "timeout", an hour', (r) =>
      r.search({ ...hour, ...window, filters: none, text: 'timeout' }),
    ),
    page('Journey: a user, a day', async (r) =>
      r.events({ ...day, filters: [of('user_id', await someone(r))], text, cursor, limit: 500 }),
    ),
    page('newest 50 events, a day', (r) =>
      r.events({ ...day, filters: none, text, cursor, limit: 50 }),
    ),
    page(
      '"timeout" in half of them, with facets',
      (r) =>
        r.search({
          ...half,
          filters: none,
          text: 'timeout',
          cursor,
          limit: 50,
          stepMs: 900_000,
          facets: ['event_type', 'severity', 'environment'],
        }),
      1000,
    ),
    page(
      '"timeout" in all of them, the newest 50',
      (r) => r.events({ ...day, filters: none, text: 'timeout', cursor, limit: 50 }),
      1000,
    ),
  ]
}

function places(nowMs: number): readonly Question[] {
  const project = 'default'
  const selection = { project, filters: none, text }
  const [from, to] = [nowMs - HOUR_MS, nowMs - HOUR_MS + 600_000]
  const day = { project, from: nowMs - DAY_MS, to: nowMs }
  const list = { services: [], text, cursor, limit: 1, order: 'desc', sort: 'last_seen' } as const
  const newestIssue = found(async (r) => {
    const { items } = await r.issues({ ...day, ...list })
    return items[0]?.fingerprint ?? ''
  })
  return [
    page('one event by its id', (r) => r.event({ project, eventId: 'e0' })),
    page('Issue: a day', async (r) =>
      r.issue({ ...day, stepMs: 300_000, fingerprint: await newestIssue(r) }),
    ),
    page('what changed in ten minutes', (r) =>
      r.changes({
        inside: { ...selection, from, to },
        before: { ...selection, from: from - 600_000, to: from },
        ignored: [],
      }),
    ),
  ]
}
