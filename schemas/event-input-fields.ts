/** The fields of an event at the door in a fixed order, so that one pass over the input fills numbered slots. */
export const FIELD_NAMES = [
  'event_type',
  'event_id',
  'occurred_at',
  'service',
  'environment',
  'release',
  'host',
  'severity',
  'message',
  'error_type',
  'error_code',
  'stack',
  'route',
  'method',
  'status_code',
  'duration_ms',
  'user_id',
  'session_id',
  'request_id',
  'trace_id',
  'span_id',
  'parent_span_id',
  'tags',
  'attributes',
  'received_at',
] as const
export type FieldName = (typeof FIELD_NAMES)[number]

/** Other spellings. Where a field comes under both names, its own name wins and the other becomes an attribute. */
const ALIASES: Readonly<Record<string, FieldName>> = {
  eventType: 'event_type',
  eventId: 'event_id',
  occurredAt: 'occurred_at',
  timestamp: 'occurred_at',
  env: 'environment',
  level: 'severity',
  errorCode: 'error_code',
  // In one of the systems this API answers for, `errorType` holds the stable code of the error.
  errorType: 'error_code',
  stackTrace: 'stack',
  stack_trace: 'stack',
  stacktrace: 'stack',
  statusCode: 'status_code',
  durationMs: 'duration_ms',
  userId: 'user_id',
  sessionId: 'session_id',
  requestId: 'request_id',
  traceId: 'trace_id',
  spanId: 'span_id',
  parentSpanId: 'parent_span_id',
  metadata: 'attributes',
}

/** Fields that may also stand inside the attributes, where they stay as well. */
export const LIFTED: readonly (readonly [FieldName, readonly string[]])[] = [
  ['service', ['service']],
  ['environment', ['environment', 'env']],
  ['route', ['route']],
  ['error_code', ['error_code', 'errorCode', 'errorType']],
]

export const SLOT = Object.fromEntries(FIELD_NAMES.map((name, slot) => [name, slot])) as Readonly<
  Record<FieldName, number>
>

export interface FieldEntry {
  slot: number
  alias: boolean
}

export const FIELD_OF: ReadonlyMap<string, FieldEntry> = new Map<string, FieldEntry>([
  ...FIELD_NAMES.map((name, slot) => [name, { slot, alias: false }] as const),
  ...Object.entries(ALIASES).map(
    ([alias, name]) => [alias, { slot: SLOT[name], alias: true }] as const,
  ),
])

/** 1 debug, 2 info, 3 warning, 4 error, 5 fatal, with the names other systems use. */
export const SEVERITY_OF: ReadonlyMap<string, number> = new Map([
  ...names(1, 'debug', 'trace', 'verbose', 'fine'),
  ...names(2, 'info', 'information', 'informational', 'notice', 'log', 'low'),
  ...names(3, 'warning', 'warn', 'medium', 'moderate'),
  ...names(4, 'error', 'err', 'severe', 'high'),
  ...names(5, 'fatal', 'critical', 'crit', 'alert', 'emergency', 'emerg', 'panic'),
])

function names(level: number, ...all: readonly string[]): [string, number][] {
  return all.map((name) => [name, level])
}

export const EVENT_TYPES = [
  'error',
  'http_request',
  'signup',
  'deploy',
  'feedback',
  'custom',
] as const
