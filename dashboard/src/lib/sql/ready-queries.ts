/** Questions people ask first, ready to run and to change. Each runs under the guard; a test runs them all. */
export interface ReadyQuery {
  title: string
  group: 'Errors' | 'Traffic' | 'Releases' | 'Incidents' | 'People' | 'Platform'
  sql: string
}

const HOUR = 'occurred_at > now() - INTERVAL 1 HOUR'
const DAY = 'occurred_at > now() - INTERVAL 1 DAY'

export const READY_QUERIES: readonly ReadyQuery[] = [
  {
    title: 'All errors containing “timeout”',
    group: 'Errors',
    sql: `SELECT occurred_at, service, route, error_type, message
FROM events
WHERE event_type = 'error'
  AND (hasAllTokens(lower(message), ['timeout']) OR positionCaseInsensitive(error_type, 'timeout') > 0)
ORDER BY occurred_at DESC
LIMIT 200`,
  },
  {
    title: 'Events from /api/checkout in the last hour',
    group: 'Traffic',
    sql: `SELECT occurred_at, event_type, service, status_code, duration_ms, message
FROM events
WHERE route = '/api/checkout' AND ${HOUR}
ORDER BY occurred_at DESC
LIMIT 200`,
  },
  {
    title: 'Error trends by route',
    group: 'Errors',
    sql: `SELECT bucket, route, sum(events) AS errors
FROM events_1m
WHERE event_type = 'error' AND bucket > now() - INTERVAL 3 HOUR
GROUP BY bucket, route
ORDER BY bucket, errors DESC
LIMIT 1000`,
  },
  {
    title: 'Errors by service, last hour',
    group: 'Errors',
    sql: `SELECT service, count() AS errors, uniq(user_id) AS users
FROM events
WHERE severity >= 4 AND ${HOUR}
GROUP BY service
ORDER BY errors DESC
LIMIT 50`,
  },
  {
    title: 'Error types that are new today',
    group: 'Errors',
    sql: `SELECT title, services, events, first_seen
FROM issues
WHERE first_seen > now() - INTERVAL 1 DAY
ORDER BY events DESC
LIMIT 50`,
  },
  {
    title: 'Errors by host: is one of them ill?',
    group: 'Errors',
    sql: `SELECT service, host, countIf(severity >= 4) AS errors, count() AS events,
  round(errors / events, 4) AS share
FROM events
WHERE ${HOUR} AND host != ''
GROUP BY service, host
ORDER BY share DESC, errors DESC
LIMIT 50`,
  },
  {
    title: 'The loudest issues, with their share',
    group: 'Errors',
    sql: `SELECT title, count() AS errors, round(100 * errors / sum(errors) OVER (), 1) AS percent
FROM events
WHERE event_type = 'error' AND ${DAY}
GROUP BY title
ORDER BY errors DESC
LIMIT 30`,
  },
  {
    title: 'Requests and failures by minute',
    group: 'Traffic',
    sql: `SELECT bucket, sum(events) AS requests, sum(failures) AS failed
FROM events_1m
WHERE event_type = 'http_request' AND bucket > now() - INTERVAL 3 HOUR
GROUP BY bucket
ORDER BY bucket
LIMIT 1000`,
  },
  {
    title: 'Slowest routes',
    group: 'Traffic',
    sql: `SELECT service, route, count() AS requests, round(quantile(0.95)(duration_ms)) AS p95_ms
FROM events
WHERE event_type = 'http_request' AND ${HOUR}
GROUP BY service, route
ORDER BY p95_ms DESC
LIMIT 50`,
  },
  {
    title: 'Latency p50, p95, p99 by minute',
    group: 'Traffic',
    sql: `SELECT toStartOfMinute(occurred_at) AS minute, round(quantile(0.5)(duration_ms)) AS p50,
  round(quantile(0.95)(duration_ms)) AS p95, round(quantile(0.99)(duration_ms)) AS p99
FROM events
WHERE event_type = 'http_request' AND ${HOUR}
GROUP BY minute
ORDER BY minute
LIMIT 200`,
  },
  {
    title: 'Status codes by service',
    group: 'Traffic',
    sql: `SELECT service, status_code, count() AS requests
FROM events
WHERE event_type = 'http_request' AND ${HOUR}
GROUP BY service, status_code
ORDER BY service, requests DESC
LIMIT 200`,
  },
  {
    title: 'Events by service and hour',
    group: 'Traffic',
    sql: `SELECT bucket, service, sum(events) AS events
FROM events_1h
WHERE bucket > now() - INTERVAL 7 DAY
GROUP BY bucket, service
ORDER BY bucket
LIMIT 2000`,
  },
  {
    title: 'Deploys with what they changed',
    group: 'Releases',
    sql: `SELECT occurred_at, service, release, change_kind, message
FROM deploys
ORDER BY occurred_at DESC
LIMIT 100`,
  },
  {
    title: 'Errors by release',
    group: 'Releases',
    sql: `SELECT service, release, countIf(event_type = 'error') AS errors, count() AS events,
  round(errors / events, 4) AS share
FROM events
WHERE ${DAY} AND release != ''
GROUP BY service, release
ORDER BY service, release DESC
LIMIT 100`,
  },
  {
    title: 'Issues that only one release has',
    group: 'Releases',
    sql: `SELECT title, releases, services, events, first_seen
FROM issues
WHERE length(releases) = 1
ORDER BY first_seen DESC
LIMIT 50`,
  },
  {
    title: 'Incidents by severity, last week',
    group: 'Incidents',
    sql: `SELECT number, severity, status, title, services, opened_at
FROM incidents
WHERE opened_at > now() - INTERVAL 7 DAY
ORDER BY severity, severity_score DESC
LIMIT 100`,
  },
  {
    title: 'How long incidents take',
    group: 'Incidents',
    sql: `SELECT severity, count() AS incidents,
  round(avg(dateDiff('minute', opened_at, resolved_at))) AS minutes_mean,
  max(dateDiff('minute', opened_at, resolved_at)) AS minutes_longest
FROM incidents
WHERE resolved_at IS NOT NULL
GROUP BY severity
ORDER BY severity
LIMIT 10`,
  },
  {
    title: 'Every step of the last incident',
    group: 'Incidents',
    sql: `SELECT at, kind, sentence, severity, status
FROM incident_events
WHERE number = (SELECT max(number) FROM incidents)
ORDER BY seq
LIMIT 200`,
  },
  {
    title: 'What detectors noticed, last day',
    group: 'Incidents',
    sql: `SELECT at, kind, service, observed, expected, score, sentence
FROM detections
WHERE at > now() - INTERVAL 1 DAY
ORDER BY at DESC
LIMIT 200`,
  },
  {
    title: 'Users who met the most errors',
    group: 'People',
    sql: `SELECT user_id, count() AS errors, uniq(title) AS kinds, max(occurred_at) AS last
FROM events
WHERE severity >= 4 AND user_id != '' AND ${DAY}
GROUP BY user_id
ORDER BY errors DESC
LIMIT 50`,
  },
  {
    title: 'One request across services',
    group: 'People',
    sql: `SELECT occurred_at, service, severity, message
FROM events
WHERE request_id = 'req-1'
ORDER BY occurred_at
LIMIT 200`,
  },
  {
    title: 'Signups by hour',
    group: 'People',
    sql: `SELECT bucket, sum(events) AS signups
FROM events_1h
WHERE event_type = 'signup' AND bucket > now() - INTERVAL 7 DAY
GROUP BY bucket
ORDER BY bucket
LIMIT 200`,
  },
  {
    title: 'What people write as feedback',
    group: 'People',
    sql: `SELECT message, count() AS times, max(occurred_at) AS last
FROM events
WHERE event_type = 'feedback' AND ${DAY}
GROUP BY message
ORDER BY times DESC
LIMIT 50`,
  },
  {
    title: 'How late events arrive',
    group: 'Platform',
    sql: `SELECT service, count() AS events,
  round(quantile(0.5)(dateDiff('second', occurred_at, received_at))) AS p50_s,
  max(dateDiff('second', occurred_at, received_at)) AS longest_s
FROM events
WHERE ${HOUR}
GROUP BY service
ORDER BY longest_s DESC
LIMIT 50`,
  },
  {
    title: 'Dead letters by cause',
    group: 'Platform',
    sql: `SELECT stage, code, count() AS records, max(at) AS last, any(error) AS example
FROM dead_letters
GROUP BY stage, code
ORDER BY records DESC
LIMIT 50`,
  },
]
