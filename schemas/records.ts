// Generated from avro/*.avsc by generate.ts. Do not edit: change the schema and run `npm run generate`.

/** One accepted or rejected change a person made to an incident. */
export interface Action {
  project: string
  incident_id: string
  seq: number
  command_id: string
  kind: string
  actor: string
  at: number
  /** JSON by kind. */
  payload: string
  /** As people see it. */
  actor_name: string
  /** What the actor was when asking: viewer, responder, admin, system. */
  role: string
  /** Why it was rejected; empty when it was accepted. */
  result: string
  /** What the fields it wrote held before, as JSON. */
  previous: string
  /** What its author had seen, as JSON. */
  context: string
}

/** One step of a job of the AI worker. */
export interface AiJob {
  project: string
  incident_id: string
  job_id: string
  /** pending, leased, completed or failed. */
  status: string
  at: number
  owner: string
  attempt: number
  detail: string
}

/** One decision about access or one change by an administrator; each carries the hash of the one before. */
export interface AuditEntry {
  at: number
  actor: string
  action: string
  target: string
  result: string
  previous_hash: string
  hash: string
  detail: string
  /** The process whose chain this entry continues. */
  writer: string
}

/** One setting of the platform: projects, keys, rules, epochs. The last one of a key stands. */
export interface ConfigEntry {
  /** project, api_key, rules, epoch, ... */
  kind: string
  id: string
  at: number
  actor: string
  /** JSON by kind. */
  value: string
}

/** A record that could not be processed, kept whole. */
export interface DeadLetter {
  /** Consumer group that gave up on it. */
  stage: string
  topic: string
  partition: number
  offset: number
  /** Timestamp of the original record. */
  at: number
  /** 0 when the bytes carry none. */
  schema_id: number
  /** Error code of the catalogue. */
  code: string
  /** What went wrong. */
  error: string
  attempt: number
  /** Where it could be read. */
  project: string
  key: null | Buffer
  /** The original bytes. */
  value: null | Buffer
}

/** One step in the life of a notification: planned, an attempt, or its end. */
export interface Delivery {
  project: string
  /** The same for every attempt: what receivers drop doubles by (webhook-id). */
  delivery_id: string
  incident_id: string
  incident_number: number
  /** Step of the incident it tells of. */
  incident_seq: number
  /** Wall clock of this step. */
  at: number
  /** opened, worsened, reopened, unacknowledged, merged or resolved. */
  reason: string
  /** Name of the target in the configuration. */
  target: string
  /** webhook, slack or pagerduty. */
  target_kind: string
  /** waiting, retrying, delivered, failed, cancelled or suppressed. */
  status: string
  /** Attempts made so far. */
  attempt: number
  /** When it is tried next; null when it is over. */
  next_at: null | number
  /** HTTP status of the answer, 0 when there was none. */
  status_code: number
  /** How long the attempt took. */
  duration_ms: null | number
  /** Why it failed, was cancelled or suppressed, in a sentence. */
  detail: string
  /** Of the incident. */
  title: string
  /** SEV number, 1 worst. */
  severity: number
  /** Who was on call when it was planned. */
  on_call: string
  /** Calls a person: what is only told of an end does not. */
  is_page: boolean
  /** Planned in the night of the rotation's time zone. */
  is_night: boolean
  /** What is told, as JSON; only with the step that planned it. */
  content: string
}

/** Something a detector noticed about one service. */
export interface Detection {
  project: string
  /** Hash of what it is about; a correction repeats the id with a higher revision. */
  detection_id: string
  /** Grows with each correction of the same detection. */
  revision: number
  /** novel, spike, drop, silence, latency, deploy, activity, episode_end, flapping, marker. */
  kind: string
  /** Event time of the observation. */
  at: number
  service: string
  environment: string
  /** Issue it is about, empty for the service as a whole. */
  fingerprint: string
  /** What was counted or measured. */
  observed: number
  /** What the baseline expected. */
  expected: number
  /** Length of the observation in minutes. */
  window_min: number
  /** Evidence in nats against chance. */
  score: number
  /** The reason in one sentence with its numbers. */
  sentence: string
  /** Partition of the task that emitted it. */
  source_partition: number
  /** Tick number of the slice it belongs to; a marker closes its slice. */
  slice: number
  /** The full detection as JSON, by its kind. */
  detail: string
}

/** One telemetry event as accepted at the door. Empty text means not given. */
export interface Event {
  /** The project the API key belongs to; never taken from the body. */
  project: string
  /** Idempotency key: the same project, service and id within 24 h is one event. */
  event_id: string
  /** True when the id was made at the door, so that it cannot repeat. */
  id_made: boolean
  /** One of six kinds. */
  event_type: 'error' | 'http_request' | 'signup' | 'deploy' | 'feedback' | 'custom'
  /** When it happened, by its sender's clock. */
  occurred_at: number
  /** When the door accepted it. */
  received_at: number
  /** The service that sent it. */
  service: string
  /** Deployment environment. */
  environment: string
  /** Version of the service. */
  release: string
  /** Host, pod or instance. */
  host: string
  /** 1 debug, 2 info, 3 warning, 4 error, 5 fatal. */
  severity: number
  /** Human-readable text. */
  message: string
  /** Exception class. */
  error_type: string
  /** Stable code of the error. */
  error_code: string
  /** Raw stack trace, or a JSON array of frames. */
  stack: string
  /** Route pattern or path. */
  route: string
  /** HTTP method. */
  method: string
  /** HTTP status, 0 when not given. */
  status_code: number
  /** Duration in milliseconds. */
  duration_ms: null | number
  /** User the event is about. */
  user_id: string
  /** Session the event is part of. */
  session_id: string
  /** Request the event is part of. */
  request_id: string
  /** W3C trace id. */
  trace_id: string
  /** W3C span id. */
  span_id: string
  /** Span that caused this one. */
  parent_span_id: string
  /** Free labels. */
  tags: readonly string[]
  /** Everything else, values as text. */
  attributes: Readonly<Record<string, string>>
  /** number, boolean or json for attributes that were not text. */
  attribute_kinds: Readonly<Record<string, string>>
  /** What the door noticed: past, future, time_made, truncated:<field>, repaired:<field>. */
  flags: readonly string[]
}

/** Two ids that turned out to be one, or that a person put together or apart. */
export interface FingerprintAlias {
  project: string
  service: string
  /** The younger id. */
  alias: string
  /** The id that stands; the alias itself when a person took it out of every group, empty when a person left it to learning again. */
  canonical: string
  /** Event time at which it was learned. */
  at: number
  reason: string
  /** Who decided; empty when it was learned. A person's word goes before what was learned. */
  actor: string
  /** Id of the decision in config.v1; empty when it was learned. */
  decision: string
}

/** An event with its fingerprint and message template. */
export interface GroupedEvent {
  /** The project the API key belongs to; never taken from the body. */
  project: string
  /** Idempotency key: the same project, service and id within 24 h is one event. */
  event_id: string
  /** True when the id was made at the door, so that it cannot repeat. */
  id_made: boolean
  /** One of six kinds. */
  event_type: 'error' | 'http_request' | 'signup' | 'deploy' | 'feedback' | 'custom'
  /** When it happened, by its sender's clock. */
  occurred_at: number
  /** When the door accepted it. */
  received_at: number
  /** The service that sent it. */
  service: string
  /** Deployment environment. */
  environment: string
  /** Version of the service. */
  release: string
  /** Host, pod or instance. */
  host: string
  /** 1 debug, 2 info, 3 warning, 4 error, 5 fatal. */
  severity: number
  /** Human-readable text. */
  message: string
  /** Exception class. */
  error_type: string
  /** Stable code of the error. */
  error_code: string
  /** Raw stack trace, or a JSON array of frames. */
  stack: string
  /** Route pattern or path. */
  route: string
  /** HTTP method. */
  method: string
  /** HTTP status, 0 when not given. */
  status_code: number
  /** Duration in milliseconds. */
  duration_ms: null | number
  /** User the event is about. */
  user_id: string
  /** Session the event is part of. */
  session_id: string
  /** Request the event is part of. */
  request_id: string
  /** W3C trace id. */
  trace_id: string
  /** W3C span id. */
  span_id: string
  /** Span that caused this one. */
  parent_span_id: string
  /** Free labels. */
  tags: readonly string[]
  /** Everything else, values as text. */
  attributes: Readonly<Record<string, string>>
  /** number, boolean or json for attributes that were not text. */
  attribute_kinds: Readonly<Record<string, string>>
  /** What the door noticed: past, future, time_made, truncated:<field>, repaired:<field>. */
  flags: readonly string[]
  /** Issue of the event: 64 lower-case hex digits; empty for events without message and code. */
  fingerprint: string
  /** rule, sender, code, stack, type_message or message. */
  fingerprint_method: string
  /** Short title of the issue. */
  title: string
  /** Top in-app frame. */
  culprit: string
  /** Message with <*> for its variables. */
  template: string
  /** Stable id of the template, 16 hex digits. */
  template_id: string
  /** Variables of the message by name. */
  params: Readonly<Record<string, string>>
  /** What the event would be alone, before merges that were learned or decided; empty when it is the fingerprint. */
  fingerprint_own: string
  /** Id of the fingerprint rule that decided; empty when none did. */
  fingerprint_rule: string
}

/** One step in the life of an incident, with the incident as it stands after it. */
export interface IncidentEvent {
  project: string
  /** Stable for ever; a merge leaves a redirect. */
  incident_id: string
  /** Short number within the project. */
  number: number
  /** Grows by one with every step of this incident, from 1. */
  seq: number
  /** opened, joined, updated, severity, merged, split, flapping, resolved, reopened, redirect. */
  kind: string
  /** Event time of the step. */
  at: number
  /** What happened, in one sentence. */
  sentence: string
  /** open, investigating or resolved. */
  status: string
  title: string
  /** SEV number, 1 worst. */
  severity: number
  /** 0 to 100. */
  severity_score: number
  /** Event time it was opened. */
  opened_at: number
  /** Event time of its last change. */
  updated_at: number
  resolved_at: null | number
  /** Affected services. */
  services: readonly string[]
  /** Issues inside it. */
  fingerprints: readonly string[]
  /** Events counted into it. */
  events: number
  /** Estimated distinct users. */
  users: number
  /** Service, zone or external host where it most likely began. */
  root: string
  /** deploy_id of the release that most likely caused it. */
  suspect_deploy: string
  /** The incident it was merged into. */
  redirect_to: string
  /** Reopened after it was resolved. */
  regressed: boolean
  flapping: boolean
  /** The whole incident as JSON (schemas/incident.ts). */
  detail: string
  /** When the platform took the step, by its recorded clock; 0 in records from before this field. */
  recorded_at: number
}

/** A summary of an incident, by a model or by rules. */
export interface Insight {
  project: string
  incident_id: string
  /** Step of the incident it describes. */
  incident_seq: number
  /** Event time of that step. */
  at: number
  title: string
  impact: string
  likely_causes: readonly string[]
  evidence: readonly string[]
  next_steps: readonly string[]
  /** 0 to 1, capped by code. */
  confidence: number
  /** Name of the model, or rules. */
  model: string
  prompt_version: string
  tokens: number
  /** True when rules wrote it. */
  fallback: boolean
  /** What its sentences rest on, as JSON (schemas/insight.ts). */
  detail: string
}

/** A recorded reading of the wall clock; windows close on these, never on the clock itself. */
export interface Tick {
  /** Grows from tick to tick; a repeated or lower one is ignored. */
  number: number
  /** Wall clock at the reading. */
  at: number
}
