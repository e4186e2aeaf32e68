import { EVENT_TYPES } from '#/schemas/event-input-fields.ts'
import { LIMITS } from '#/schemas/event-input-limits.ts'
import { SCOPES } from './keys.ts'

type Schema = Readonly<Record<string, unknown>>

const string: Schema = { type: 'string' }
const integer: Schema = { type: 'integer' }
const number: Schema = { type: 'number' }
const boolean: Schema = { type: 'boolean' }
const time: Schema = { type: 'integer', description: 'Milliseconds since the epoch.' }
const maybe = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
const listOf = (items: Schema): Schema => ({ type: 'array', items })
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const object = (properties: Record<string, Schema>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
})
const page = (name: string): Schema => object({ items: listOf(ref(name)), next: maybe(string) })
const text = (maxLength: number, description: string): Schema => ({
  type: 'string',
  maxLength,
  description,
})
const named = (description: string): Schema => text(LIMITS.nameCharsMax, description)
const anyTime: Schema = {
  anyOf: [string, number],
  description: 'RFC 3339, or milliseconds since the epoch; now when missing.',
}

const rejection = object({
  index: integer,
  code: string,
  path: string,
  message: string,
  remedy: string,
})

const EventInput: Schema = {
  type: 'object',
  required: ['event_type', 'service'],
  additionalProperties: { description: 'Kept as an attribute.' },
  properties: {
    event_type: { enum: EVENT_TYPES },
    event_id: {
      type: 'string',
      pattern: `^[A-Za-z0-9_-]{1,${LIMITS.eventIdCharsMax}}$`,
      description: 'The same project, service and id within 24 h is one event; made when missing.',
    },
    occurred_at: anyTime,
    service: named('Required; may also stand in the attributes.'),
    environment: { ...named('Deployment environment.'), default: 'prod' },
    release: named('Version of the service.'),
    host: named('Host, pod or instance.'),
    severity: { anyOf: [{ type: 'integer', minimum: 1, maximum: 5 }, string] },
    message: text(LIMITS.messageCharsMax, 'Longer text is cut and flagged.'),
    error_type: named('Exception class.'),
    error_code: named('Stable code of the error.'),
    stack: {
      anyOf: [text(LIMITS.stackCharsMax, 'Raw stack trace.'), listOf(ref('Frame'))],
      description: `Raw text, or at most ${LIMITS.stackFramesMax} frames.`,
    },
    route: text(LIMITS.routeCharsMax, 'Route pattern or path.'),
    method: named('HTTP method.'),
    status_code: { type: 'integer', minimum: 0, maximum: 999 },
    duration_ms: { type: 'number', minimum: 0 },
    user_id: named('User.'),
    session_id: named('Session.'),
    request_id: named('Request.'),
    trace_id: named('W3C trace id.'),
    span_id: named('W3C span id.'),
    parent_span_id: named('Span that caused this one.'),
    tags: { type: 'array', maxItems: LIMITS.tagsMax, items: text(LIMITS.tagCharsMax, 'Label.') },
    attributes: {
      type: 'object',
      maxProperties: LIMITS.attributesMax,
      description: 'Text, numbers, booleans; nested values are kept as JSON.',
    },
  },
}

const incidentRow = object(
  {
    id: string,
    number: integer,
    project: string,
    status: { enum: ['open', 'investigating', 'resolved'] },
    title: string,
    severity: { type: 'integer', minimum: 1, maximum: 5 },
    severity_score: { type: 'integer', minimum: 0, maximum: 100 },
    opened_at: time,
    updated_at: time,
    resolved_at: maybe(time),
    services: listOf(string),
    fingerprints: listOf(string),
    events: integer,
    users: integer,
    root: string,
    suspect_deploy: string,
    regressed: boolean,
    flapping: boolean,
    silenced: boolean,
    errors: integer,
    spark: listOf(number),
  },
  ['errors', 'spark'],
)

const issueRow = object(
  {
    fingerprint: string,
    title: string,
    culprit: string,
    method: string,
    template: string,
    services: listOf(string),
    first_seen: time,
    last_seen: time,
    events: integer,
    users: integer,
    severity: integer,
    spark: listOf(number),
  },
  ['spark'],
)

const serviceRow = {
  service: string,
  events: integer,
  errors: integer,
  requests: integer,
  error_rate: maybe(number),
  p50_ms: maybe(number),
  p95_ms: maybe(number),
  last_seen: time,
  open_incidents: integer,
}

const point = object({ at: time, series: string, value: number })
const counts = listOf(object({ value: string, events: integer }))
const key = object({
  id: string,
  project: string,
  name: string,
  scopes: listOf({ enum: SCOPES }),
  created_at: time,
  revoked_at: maybe(time),
  last_used_at: maybe(time),
})
const check = object({ name: string, ok: boolean, detail: string })
const stage = object({
  stage: string,
  lag: integer,
  status: { enum: ['running', 'restarting', 'stopped', 'failed'] },
  error: string,
  partitions: listOf(
    object({
      topic: string,
      partition: integer,
      committed: integer,
      end: integer,
      lag: integer,
    }),
  ),
})

/** Shapes of bodies and answers by name, for the API's own description. */
export const OPENAPI_SCHEMAS: Readonly<Record<string, Schema>> = {
  EventInput,
  Frame: object(
    {
      function: string,
      file: string,
      line: integer,
      column: integer,
      module: string,
      in_app: boolean,
    },
    ['function', 'file', 'line', 'column', 'module', 'in_app'],
  ),
  Accepted: {
    oneOf: [
      object({ event_id: string, received_at: { type: 'string', format: 'date-time' } }),
      object({
        accepted: integer,
        rejected: listOf(rejection),
      }),
    ],
  },
  Problem: object(
    {
      type: string,
      title: string,
      status: integer,
      code: string,
      detail: string,
      path: string,
      remedy: string,
      request_id: string,
    },
    ['path', 'remedy'],
  ),
  Event: {
    type: 'object',
    description: 'The fields as sent, with fingerprint, template and what the platform noticed.',
    properties: {
      event_id: string,
      event_type: { enum: EVENT_TYPES },
      occurred_at: time,
      received_at: time,
      service: string,
      severity: integer,
      message: string,
      fingerprint: string,
      attributes: { type: 'object' },
      flags: listOf(string),
    },
  },
  EventPage: page('Event'),
  EventStats: object({
    total: integer,
    errors: integer,
    services: integer,
    users: integer,
    by_type: counts,
    by_severity: counts,
    by_service: counts,
    by_environment: counts,
    first_at: maybe(time),
    last_at: maybe(time),
  }),
  Search: object({
    items: listOf(ref('Event')),
    next: maybe(string),
    total: integer,
    facets: listOf(object({ field: string, values: counts })),
    histogram: listOf(ref('Point')),
  }),
  Point: point,
  Metrics: object({ from: time, to: time, step_ms: integer, points: listOf(ref('Point')) }),
  Incident: incidentRow,
  IncidentPage: page('Incident'),
  IncidentStats: object({
    open: integer,
    investigating: integer,
    resolved_24h: integer,
    by_severity: { type: 'object', additionalProperties: integer },
    mttd_ms: maybe(number),
    mtta_ms: maybe(number),
    mttr_ms: maybe(number),
  }),
  IncidentDetail: object({
    incident: {
      type: 'object',
      description: 'Members, severity with its terms, causes, timeline.',
    },
    summary: maybe({ type: 'object' }),
    chart: listOf(ref('Point')),
    deploys: listOf(ref('Deploy')),
    errors: integer,
    member_errors: { type: 'object', additionalProperties: integer },
    similar: listOf(object({ id: string, number: integer, similarity: number, ended: string })),
    familiarity: object({
      label: { enum: ['frequent', 'occasional', 'rare', 'new'] },
      alike: integer,
      incidents: integer,
    }),
  }),
  Changes: object({
    from: time,
    to: time,
    before_from: time,
    before_to: time,
    events: integer,
    events_before: integer,
    changes: listOf(
      object({
        field: string,
        value: string,
        events: integer,
        events_before: integer,
        share: number,
        share_before: number,
        lift: maybe(number),
      }),
    ),
  }),
  ServiceGraph: object({
    nodes: listOf(object({ service: string, events: integer, errors: integer, external: boolean })),
    edges: listOf(
      object({
        caller: string,
        callee: string,
        calls: integer,
        errors: integer,
        declared: boolean,
      }),
    ),
  }),
  Issue: issueRow,
  IssuePage: page('Issue'),
  IssueDetail: {
    allOf: [ref('Issue'), { type: 'object', properties: { samples: listOf(ref('Event')) } }],
  },
  Service: object(serviceRow),
  ServiceList: page('Service'),
  ServiceDetail: {
    allOf: [ref('Service'), { type: 'object', properties: { issues: listOf(ref('Issue')) } }],
  },
  Deploy: object({
    deploy_id: string,
    service: string,
    environment: string,
    release: string,
    at: time,
    message: string,
    change_kind: string,
    errors_before: number,
    errors_after: number,
  }),
  DeployPage: page('Deploy'),
  Overview: object({
    now: time,
    headline: string,
    open_incidents: integer,
    users_affected: integer,
    events_per_second: number,
    lag_records: maybe(integer),
    incidents: listOf(ref('Incident')),
    rates: listOf(ref('Point')),
    deploys: listOf(ref('Deploy')),
    has_data: boolean,
  }),
  SqlRequest: object({ sql: string, limit: { type: 'integer', minimum: 1, maximum: 10_000 } }, [
    'limit',
  ]),
  SqlAnswer: object({
    columns: listOf(object({ name: string, type: string })),
    rows: listOf({ type: 'array' }),
    rows_read: integer,
    bytes_read: integer,
    elapsed_ms: number,
    truncated: boolean,
  }),
  Key: key,
  KeyList: page('Key'),
  KeyRequest: object({ name: string, scopes: listOf({ enum: SCOPES }) }, ['name', 'scopes']),
  HookAnswer: object({
    accepted: integer,
    rejected: listOf(rejection),
    skipped: listOf(string),
  }),
  Dsn: object({
    dsn: string,
    project: string,
    service: string,
    project_number: string,
    public_key: string,
    envelope_url: string,
    created_at: time,
  }),
  KeyCreated: object({ key: string, info: ref('Key') }),
  Health: object({ status: { enum: ['ok', 'degraded'] }, version: string, uptime_ms: integer }),
  Readiness: object({ ready: boolean, checks: listOf(check) }),
  HealthDetail: object({
    status: string,
    version: string,
    uptime_ms: integer,
    checks: listOf(check),
    stages: listOf(stage),
    stream_clients: integer,
    memory: { type: 'object', additionalProperties: integer },
  }),
  Pipeline: object({
    stages: listOf(stage),
    dead_letters: integer,
    late_events: integer,
    stream_clients: integer,
    rejected: integer,
    limited: integer,
    storage: maybe(
      listOf(object({ table: string, rows: integer, parts: integer, bytes: integer })),
    ),
  }),
}
