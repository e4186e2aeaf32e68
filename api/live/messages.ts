import { restoreAttributes } from '#/schemas/event-input.ts'
import type { Incident } from '#/schemas/incident.ts'
import { plainTitle } from '#/schemas/plain-title.ts'
import type { GroupedEvent, IncidentEvent, Insight } from '#/schemas/records.ts'
import type {
  DeployView,
  EventMessage,
  EventView,
  IncidentMessage,
  IncidentRow,
} from '#/schemas/view.ts'

export function eventView(event: GroupedEvent): EventView {
  const { attributes, attribute_kinds: kinds, id_made: _, ...rest } = event
  return { ...rest, attributes: restoreAttributes(attributes, kinds) }
}

/** What counts before and after are known later, from ClickHouse. */
export function deployView(event: GroupedEvent): DeployView {
  const { event_id: deploy_id, service, environment, release, occurred_at: at, message } = event
  const kind = event.attributes['change_kind']
  const change_kind = kind === undefined || kind === '' ? 'code' : kind
  const counts = { errors_before: 0, errors_after: 0 }
  return { deploy_id, service, environment, release, at, message, change_kind, ...counts }
}

export function incidentRow(step: IncidentEvent): IncidentRow {
  const { incident_id: id, seq: _, kind: __, at: ___, sentence: ____, detail, ...rest } = step
  const { redirect_to: _____, ...row } = rest
  const silenced = (JSON.parse(detail) as Partial<Incident>).silenced !== undefined
  return { ...row, id, status: row.status as IncidentRow['status'], silenced }
}

export function eventMessage(event: GroupedEvent): EventMessage {
  return {
    type: 'event',
    data: {
      eventId: event.event_id,
      service: event.service,
      severity: event.severity,
      timestamp: isoTime(event.occurred_at),
      metadata: restoreAttributes(event.attributes, event.attribute_kinds),
    },
    timestamp: isoTime(event.received_at),
  }
}

/** What is said about an incident by its steps and its summary, whichever came last. */
export interface IncidentNews {
  row: IncidentRow
  summary: Pick<Insight, 'title' | 'impact' | 'next_steps'> | undefined
}

export function incidentMessage(
  action: IncidentMessage['action'],
  news: IncidentNews,
  at: number,
): IncidentMessage {
  const { row, summary } = news
  return {
    type: 'incident',
    action,
    data: {
      incidentId: row.id,
      // The worst incident is SEV1 and has the score 5.
      severityScore: 6 - row.severity,
      status: row.status === 'resolved' ? 'resolved' : 'active',
      affectedServices: row.services,
      aiGeneratedSummary:
        summary === undefined
          ? ''
          : plainTitle([summary.title, summary.impact].filter(Boolean).join('. ')),
      suggestedActions: summary?.next_steps.map(plainTitle) ?? [],
    },
    timestamp: isoTime(at),
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
