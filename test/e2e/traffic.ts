/** Events that make an incident for sure: a service with a past, then an outage. */
export function quietPast(options: { service: string; minutes: number; nowMs: number }): object[] {
  const { service, minutes, nowMs } = options
  return Array.from({ length: minutes * 10 }, (_, index) => ({
    event_type: 'http_request',
    service,
    route: '/orders',
    method: 'GET',
    status_code: 200,
    duration_ms: 12,
    occurred_at: nowMs - minutes * 60_000 + index * 6_000,
  }))
}

/** Failures of one kind, by many users. */
export function failures(options: { service: string; count: number }): object[] {
  return Array.from({ length: options.count }, (_, index) => ({
    event_type: 'error',
    service: options.service,
    severity: 'error',
    error_type: 'ConnectionError',
    message: `connection to db-${index % 3} refused after ${100 + index} ms`,
    user_id: `user-${index % 40}`,
    release: 'v2',
  }))
}
