import type { DeliveryView, OnCallView } from '#lib/contract.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** One of each way it can go. */
export function deliveries(now: number): DeliveryView[] {
  const step = { status_code: 0, duration_ms: null, detail: '', attempt: 0 }
  const base = {
    incident_id: 'i-1',
    incident_number: 12,
    title: 'TimeoutError in checkout',
    severity: 2,
    target_kind: 'webhook',
    on_call: 'ada',
    is_page: true,
    is_night: false,
    next_at: null,
  }
  const at = now - 5 * MINUTE_MS
  const planned = { ...step, at, status: 'waiting' }
  const failed = { ...planned, status: 'retrying', attempt: 1, status_code: 500 }
  return [
    {
      ...base,
      delivery_id: 'msg_2',
      reason: 'opened',
      target: 'on-call',
      status: 'retrying',
      planned_at: at,
      next_at: now + MINUTE_MS,
      steps: [planned, { ...failed, detail: 'answered 500', duration_ms: 41 }],
    },
    {
      ...base,
      delivery_id: 'msg_1',
      reason: 'opened',
      target: 'team',
      status: 'delivered',
      planned_at: at,
      steps: [planned, { ...failed, status: 'delivered', status_code: 204, duration_ms: 80 }],
    },
  ]
}

export function onCall(now: number): OnCallView {
  const load = { pages: 5, nights: 2, incidents: 4 }
  const target = { host: 'hooks.example', severity_max: 3, projects: [], services: [], tell: [] }
  return {
    now: { person: 'ada', is_override: false },
    next: { person: 'bob', at: now + 2 * DAY_MS },
    time_zone: 'Europe/Berlin',
    targets: [
      { ...target, name: 'on-call', kind: 'pagerduty', unacknowledged_min: null },
      { ...target, name: 'team', kind: 'slack', unacknowledged_min: null },
    ],
    people: [{ person: 'ada', ...load }],
    weeks: [{ week: now - 3 * DAY_MS, ...load }],
  }
}
