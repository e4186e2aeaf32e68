/** Tables a query may name, with the columns people ask for. The names are a public interface of the platform. */
export interface TableInfo {
  name: string
  about: string
  columns: string
}

export const TABLES: readonly TableInfo[] = [
  {
    name: 'events',
    about: 'Every event as it came.',
    columns:
      'event_id event_type occurred_at received_at service environment release host severity message error_type error_code stack route method status_code duration_ms user_id session_id request_id trace_id tags attributes fingerprint template params',
  },
  {
    name: 'events_1m',
    about: 'Counts per minute.',
    columns:
      'bucket service environment event_type severity release route events failures users durations',
  },
  {
    name: 'events_1h',
    about: 'Counts per hour.',
    columns: 'bucket service environment event_type severity events failures users durations',
  },
  {
    name: 'issues',
    about: 'Errors that are the same.',
    columns:
      'fingerprint title culprit template services releases first_seen last_seen events users severity',
  },
  {
    name: 'incidents',
    about: 'Incidents as they stand.',
    columns:
      'incident_id number status title severity severity_score opened_at updated_at resolved_at services events users root suspect_deploy silenced',
  },
  {
    name: 'incident_events',
    about: 'Every step of every incident.',
    columns: 'incident_id number seq kind at sentence status severity',
  },
  {
    name: 'detections',
    about: 'What detectors noticed.',
    columns: 'kind at service fingerprint observed expected score sentence',
  },
  {
    name: 'deploys',
    about: 'Releases.',
    columns: 'occurred_at service environment release deploy_id change_kind message',
  },
  {
    name: 'deliveries',
    about: 'Steps of notifications: planned, each attempt, their end.',
    columns:
      'at incident_number reason target status attempt status_code on_call is_page is_night detail',
  },
  {
    name: 'dead_letters',
    about: 'Records that could not be processed.',
    columns: 'stage topic code error at',
  },
]
