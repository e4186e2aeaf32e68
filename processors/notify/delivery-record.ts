import { createHash } from 'node:crypto'
import type { Notification, Reason, Target } from '#/processors/domain/notify/notification.ts'
import { isPage } from '#/processors/domain/notify/notification.ts'
import type { Incident } from '#/schemas/incident.ts'
import { plainTitle } from '#/schemas/plain-title.ts'
import type { Delivery, IncidentEvent } from '#/schemas/records.ts'

export interface DeliveryDraft {
  event: NotifyEvent
  /** The `detail` of the event, read once however many are told. */
  incident: Partial<Incident>
  target: Target
  reason: Reason
  /** Wall clock, ms. */
  nowMs: number
  dueInMs: number
  onCall: string
  isNight: boolean
  urlOf: (incidentId: string) => string
}

/** What of a lifecycle record is read. */
export const NOTIFY_FIELDS = [
  'project',
  'incident_id',
  'number',
  'seq',
  'kind',
  'at',
  'sentence',
  'status',
  'title',
  'severity',
  'severity_score',
  'opened_at',
  'services',
  'events',
  'users',
  'root',
  'suspect_deploy',
  'detail',
] as const
export type NotifyEvent = Pick<IncidentEvent, (typeof NOTIFY_FIELDS)[number]>

/** The same step tells the same target under the same name, whoever plans it and however often. */
function deliveryIdOf(
  incidentId: string,
  seq: number,
  told: { reason: Reason; target: string },
): string {
  const name = JSON.stringify([incidentId, seq, told.reason, told.target])
  return `msg_${createHash('sha256').update(name).digest('hex').slice(0, 27)}`
}

/** The first record of a delivery: what is told, and when. */
export function plannedDelivery(draft: DeliveryDraft): Delivery {
  const { event, target, reason, nowMs, onCall, isNight } = draft
  const { project, incident_id: incidentId, number, seq, title, severity } = event
  const told = { reason, target: target.name }
  const deliveryId = deliveryIdOf(incidentId, seq, told)
  return {
    project,
    delivery_id: deliveryId,
    incident_id: incidentId,
    incident_number: number,
    incident_seq: seq,
    at: nowMs,
    ...told,
    target_kind: target.kind,
    status: 'waiting',
    attempt: 0,
    next_at: nowMs + draft.dueInMs,
    status_code: 0,
    duration_ms: null,
    detail: '',
    title,
    severity,
    on_call: onCall,
    is_page: isPage(reason),
    is_night: isNight,
    content: JSON.stringify(notificationOf(draft, deliveryId)),
  }
}

function notificationOf(
  { event, incident, reason, onCall, urlOf }: DeliveryDraft,
  id: string,
): Notification {
  const { incident_id: incidentId, seq } = event
  return {
    id,
    reason,
    project: event.project,
    incidentId,
    number: event.number,
    seq,
    at: event.at,
    openedAt: event.opened_at,
    title: plainTitle(event.title),
    sentence: plainTitle(event.sentence),
    status: event.status,
    severity: event.severity,
    severityScore: event.severity_score,
    services: event.services,
    events: event.events,
    users: event.users,
    root: event.root,
    suspectDeploy: event.suspect_deploy,
    cause: plainTitle(incident.causes?.[0]?.sentence ?? ''),
    onCall,
    url: urlOf(incidentId),
  }
}

/** A later record of the same delivery; the content stays with the first one. */
export function laterStep(
  delivery: Delivery,
  change: Partial<Delivery> & { at: number },
): Delivery {
  return {
    ...delivery,
    next_at: null,
    status_code: 0,
    duration_ms: null,
    detail: '',
    ...change,
    content: '',
  }
}
