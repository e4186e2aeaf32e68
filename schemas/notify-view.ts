/** What the API tells about notifications and who is on call. Times are milliseconds since the epoch, wall clock. */
export interface DeliveryView {
  /** The `webhook-id` of every attempt. */
  delivery_id: string
  incident_id: string
  incident_number: number
  title: string
  severity: number
  reason: string
  target: string
  target_kind: string
  status: string
  planned_at: number
  /** When it is tried next; null when it is over. */
  next_at: number | null
  on_call: string
  is_page: boolean
  is_night: boolean
  /** Oldest first: planned, attempts, its end. */
  steps: readonly DeliveryStepView[]
}

export interface DeliveryStepView {
  at: number
  status: string
  attempt: number
  status_code: number
  duration_ms: number | null
  detail: string
}

/** A target without what is secret of it: of the address only the host. */
export interface TargetView {
  name: string
  kind: string
  host: string
  severity_max: number
  projects: readonly string[]
  services: readonly string[]
  tell: readonly string[]
  unacknowledged_min: number | null
}

export interface OnCallView {
  /** Null without a rotation in the configuration. */
  now: { person: string; is_override: boolean } | null
  /** Null where it never changes. */
  next: { person: string; at: number } | null
  time_zone: string
  targets: readonly TargetView[]
  /** Most pages first. */
  people: readonly PersonLoad[]
  /** Oldest first; weeks begin on Monday in the time zone. */
  weeks: readonly WeekLoad[]
}

export interface PersonLoad {
  /** Empty where nobody was on call. */
  person: string
  /** Notifications that called for a person and arrived, once for each step of an incident. */
  pages: number
  /** Nights with at least one page. */
  nights: number
  incidents: number
}

export interface WeekLoad {
  week: number
  pages: number
  nights: number
  incidents: number
}

export interface DeliveryQuery {
  project: string
  from: number
  to: number
  /** Of the last step; empty for all. */
  status: readonly string[]
  targets: readonly string[]
  incidentId: string
  cursor: string | null
  limit: number
}

export interface LoadQuery {
  project: string
  from: number
  to: number
  timeZone: string
}

/** The read port on deliveries. */
export interface DeliveryReads {
  deliveries(query: DeliveryQuery): Promise<{ items: readonly DeliveryView[]; next: string | null }>
  load(query: LoadQuery): Promise<Pick<OnCallView, 'people' | 'weeks'>>
}
