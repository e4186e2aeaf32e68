import type { DetectorEvent } from '#/processors/domain/spike/types.ts'
import type { GroupedEvent } from '#/schemas/records.ts'

/** What detection reads of an event; everything else is skipped when decoding. */
export const DETECTOR_FIELDS = [
  'project',
  'service',
  'event_id',
  'event_type',
  'occurred_at',
  'received_at',
  'environment',
  'release',
  'host',
  'severity',
  'message',
  'error_type',
  'route',
  'status_code',
  'duration_ms',
  'user_id',
  'attributes',
  'attribute_kinds',
  'fingerprint',
  'fingerprint_own',
  'title',
  'template',
] as const

const CALLEE_CHARS_MAX = 200

export type DetectorFields = Pick<GroupedEvent, (typeof DETECTOR_FIELDS)[number]>

export function detectorEventOf(event: DetectorFields): DetectorEvent {
  const seen: DetectorEvent = {
    eventId: event.event_id,
    occurredAtMs: event.occurred_at,
    receivedAtMs: event.received_at,
    type: event.event_type,
    severity: event.severity,
    environment: event.environment,
  }
  // Every message has a template, but only what went wrong is an issue: praise and finished jobs open no incident.
  const isIssue = event.event_type === 'error' || event.severity >= 4
  // Empty text means not given.
  if (isIssue && event.fingerprint !== '') seen.fingerprint = event.fingerprint
  if (isIssue && event.fingerprint_own !== '') seen.ownFingerprint = event.fingerprint_own
  if (event.user_id !== '') seen.userId = event.user_id
  if (event.release !== '') seen.release = event.release
  if (event.route !== '') seen.route = event.route
  if (event.status_code !== 0) seen.statusCode = event.status_code
  if (event.duration_ms !== null) seen.durationMs = event.duration_ms
  if (event.host !== '') seen.host = event.host
  if (event.title !== '') seen.title = event.title
  if (event.template !== '') seen.template = event.template
  if (event.error_type !== '') seen.errorType = event.error_type
  if (event.message !== '') seen.message = event.message
  for (const _ in event.attributes) {
    seen.attributes = attributesOf(event)
    const callee = calleeOf(event)
    if (callee !== undefined) seen.callee = callee
    break
  }
  return seen
}

/** A proxy beside the service is not whom it calls. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/

/**
 * Whom a span says it calls, by OpenTelemetry's names. `server.address` tells that on the calling side only: on the
 * other one it is the service's own.
 */
function calleeOf({ attributes, service }: DetectorFields): string | undefined {
  const kind = attributes['span.kind'] ?? ''
  // The peer of a span that answers is whoever asked.
  if (/^(?:span_kind_)?(?:server|consumer)$/i.test(kind)) return undefined
  const isCalling = /^(?:span_kind_)?client$/i.test(kind)
  const callee =
    attributes['service.peer.name'] ??
    attributes['peer.service'] ??
    (isCalling ? attributes['server.address'] : undefined)
  if (callee === undefined || callee === '' || callee === service) return undefined
  return LOOPBACK.test(callee) || callee.length > CALLEE_CHARS_MAX ? undefined : callee
}

function attributesOf({
  attributes,
  attribute_kinds: kinds,
}: DetectorFields): Record<string, string | number | boolean> {
  const typed: Record<string, string | number | boolean> = { ...attributes }
  for (const name in kinds) {
    const text = attributes[name]
    if (text === undefined) continue
    if (kinds[name] === 'number') typed[name] = Number(text)
    else if (kinds[name] === 'boolean') typed[name] = text === 'true'
  }
  return typed
}
