import { sqlBetween, sqlText, sqlTime } from '#/processors/domain/ai-evidence/sql-text.ts'
import { RANKED_SQL } from '#/processors/domain/insight/priority.ts'
import type { AskKind } from './kinds.ts'
import type { Slots } from './question.ts'

export interface TypedQuery {
  sql: string
  from: number
  to: number
  /** How the rows are drawn: columns by name. */
  chart?: { kind: 'time' | 'bars'; label: string; value: string }
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const TOP = 10

/** How far back is looked when a question says nothing. */
const RANGES: Readonly<Partial<Record<AskKind, number>>> = {
  new_issues: DAY_MS,
  deploys: DAY_MS,
  release_health: DAY_MS,
  resolved_incidents: DAY_MS,
  resolution_times: 30 * DAY_MS,
  user_journey: DAY_MS,
  search: DAY_MS,
  business: DAY_MS,
  quiet_services: DAY_MS,
  error_trend: 3 * HOUR_MS,
}

type Build = (slots: Slots) => Omit<TypedQuery, 'from' | 'to'>

const inRange = ({ from, to }: Slots): string => sqlBetween('occurred_at', from, to)
const both = (...parts: readonly string[]): string =>
  parts.filter((part) => part !== '').join(' AND ')
const ofService = ({ service }: Slots): string =>
  service === '' ? '' : `service = ${sqlText(service)}`
const ofRoute = ({ route }: Slots): string => (route === '' ? '' : `route = ${sqlText(route)}`)
const ofRelease = ({ release }: Slots): string =>
  release === '' ? '' : `release = ${sqlText(release)}`
const top = ({ top: wished }: Slots, fallback = TOP): number =>
  Math.min(100, Math.max(1, wished ?? fallback))
const services = "arrayStringConcat(arrayMap(s -> toString(s), services), ', ') AS where_"
/** The incident asked about; without a number the one that changed last. */
const which = ({ incident }: Slots): string =>
  incident === undefined
    ? "number = (SELECT argMax(number, updated_at) FROM incidents WHERE redirect_to = '')"
    : `number = ${incident}`

const bucketOf = ({ from, to }: Slots): string => {
  const minutes = Math.max(1, Math.ceil((to - from) / MINUTE_MS / 60))
  return `toStartOfInterval(occurred_at, INTERVAL ${minutes} MINUTE) AS bucket`
}

function incidents(condition: string, { service, severity }: Slots): string {
  const more = both(
    service === '' ? '' : `has(services, ${sqlText(service)})`,
    severity === undefined ? '' : `severity = ${severity}`,
  )
  return both("redirect_to = ''", condition, more)
}

const latency = (column: string): string =>
  `${column}, count() AS requests, round(quantile(0.5)(duration_ms), 1) AS p50_ms, round(quantile(0.95)(duration_ms), 1) AS p95_ms, round(quantile(0.99)(duration_ms), 1) AS p99_ms`

const BUILD: Readonly<Record<AskKind, Build>> = {
  open_incidents: (slots) => ({
    sql: `SELECT number, severity, status, title, ${services}, opened_at, events, users FROM incidents WHERE ${incidents("status != 'resolved'", slots)} ORDER BY severity, severity_score DESC, number LIMIT ${top(slots, 50)}`,
  }),
  priorities: (slots) => ({
    sql: `SELECT number, severity, severity_score, title, ${services}, users, events, opened_at FROM incidents WHERE ${incidents("status != 'resolved'", slots)} ORDER BY ${RANKED_SQL} LIMIT ${top(slots, 5)}`,
  }),
  incident_summary: (slots) => ({
    sql: `SELECT i.number AS number, i.status AS status, i.severity AS severity, s.title AS title, s.impact AS impact, s.likely_causes AS likely_causes, s.next_steps AS next_steps, s.model AS model FROM (SELECT * FROM incidents WHERE ${which(slots)} LIMIT 1) AS i LEFT JOIN insights AS s ON s.incident_id = i.incident_id ORDER BY s.incident_seq DESC, s.fallback, s.at DESC LIMIT 1`,
  }),
  incident_cause: (slots) => ({
    sql: `SELECT i.number AS number, i.root AS root, i.suspect_deploy AS suspect_deploy, s.likely_causes AS likely_causes, s.model AS model FROM (SELECT * FROM incidents WHERE ${which(slots)} LIMIT 1) AS i LEFT JOIN insights AS s ON s.incident_id = i.incident_id ORDER BY s.incident_seq DESC, s.fallback, s.at DESC LIMIT 1`,
  }),
  incident_timeline: (slots) => ({
    sql: `SELECT at, kind, sentence, severity FROM incident_events WHERE ${which(slots)} ORDER BY seq LIMIT 200`,
  }),
  similar_incidents: (slots) => ({
    sql: `SELECT number, status, title, ${services}, opened_at, resolved_at, length(arrayIntersect(fingerprints, (SELECT any(fingerprints) FROM incidents WHERE ${which(slots)}))) AS common_issues, length(arrayIntersect(arrayMap(s -> toString(s), services), (SELECT any(arrayMap(s -> toString(s), services)) FROM incidents WHERE ${which(slots)}))) AS common_services FROM incidents WHERE redirect_to = '' AND NOT (${which(slots)}) AND (common_issues > 0 OR common_services > 0) ORDER BY common_issues DESC, common_services DESC, opened_at DESC LIMIT ${top(slots, 5)}`,
  }),
  resolved_incidents: (slots) => ({
    sql: `SELECT number, severity, title, ${services}, opened_at, resolved_at, dateDiff('minute', opened_at, assumeNotNull(resolved_at)) AS minutes FROM incidents WHERE ${incidents(`status = 'resolved' AND ${sqlBetween('resolved_at', slots.from, slots.to)}`, slots)} ORDER BY resolved_at DESC, number DESC LIMIT ${top(slots, 50)}`,
  }),
  resolution_times: (slots) => ({
    sql: `SELECT count() AS resolved, round(avg(dateDiff('second', opened_at, assumeNotNull(resolved_at))) / 60, 1) AS mean_minutes, round(quantileExact(0.5)(dateDiff('second', opened_at, assumeNotNull(resolved_at))) / 60, 1) AS median_minutes, round(max(dateDiff('second', opened_at, assumeNotNull(resolved_at))) / 60, 1) AS longest_minutes FROM incidents WHERE ${incidents(`status = 'resolved' AND ${sqlBetween('resolved_at', slots.from, slots.to)}`, slots)}`,
  }),
  errors_by_service: (slots) => ({
    sql: `SELECT service, count() AS errors, uniqExactIf(user_id, user_id != '') AS users FROM events WHERE ${both("event_type = 'error'", ofRelease(slots), inRange(slots))} GROUP BY service ORDER BY errors DESC, service LIMIT ${top(slots, 20)}`,
    chart: { kind: 'bars', label: 'service', value: 'errors' },
  }),
  error_trend: (slots) => ({
    sql: `SELECT ${bucketOf(slots)}, count() AS errors FROM events WHERE ${both("event_type = 'error'", ofService(slots), ofRoute(slots), ofRelease(slots), inRange(slots))} GROUP BY bucket ORDER BY bucket LIMIT 200`,
    chart: { kind: 'time', label: 'bucket', value: 'errors' },
  }),
  top_issues: (slots) => ({
    sql: `SELECT max(title) AS issue, count() AS events, uniqExactIf(user_id, user_id != '') AS users, arrayStringConcat(groupUniqArray(5)(toString(service)), ', ') AS where_, toString(fingerprint) AS fingerprint FROM events WHERE ${both("event_type = 'error' AND fingerprint != ''", ofService(slots), ofRoute(slots), ofRelease(slots), inRange(slots))} GROUP BY fingerprint ORDER BY events DESC, fingerprint LIMIT ${top(slots)}`,
    chart: { kind: 'bars', label: 'issue', value: 'events' },
  }),
  new_issues: (slots) => ({
    sql: `SELECT max(title) AS issue, min(first_seen) AS first_seen_at, sum(events) AS count, toString(fingerprint) AS fingerprint FROM issues WHERE ${both('events > 0', slots.service === '' ? '' : `has(services, ${sqlText(slots.service)})`)} GROUP BY fingerprint HAVING ${sqlBetween('first_seen_at', slots.from, slots.to)} ORDER BY first_seen_at DESC, fingerprint LIMIT ${top(slots, 50)}`,
  }),
  deploys: (slots) => ({
    sql: `SELECT occurred_at, service, release, change_kind, deploy_id, message FROM deploys WHERE ${both(ofService(slots), ofRelease(slots), inRange(slots))} ORDER BY occurred_at DESC, deploy_id LIMIT ${top(slots, 50)}`,
  }),
  release_health: (slots) => ({
    sql: `SELECT service, release, count() AS events, countIf(event_type = 'error') AS errors, round(100 * errors / events, 1) AS error_percent, min(occurred_at) AS since FROM events WHERE ${both("release != '' AND event_type IN ('error', 'http_request')", ofService(slots), inRange(slots))} GROUP BY service, release ORDER BY service, since DESC, release LIMIT 40`,
    chart: { kind: 'bars', label: 'release', value: 'error_percent' },
  }),
  slow_services: (slots) => ({
    sql: `SELECT ${latency('service')} FROM events WHERE ${both('isNotNull(duration_ms)', ofService(slots), inRange(slots))} GROUP BY service ORDER BY p95_ms DESC, service LIMIT ${top(slots, 20)}`,
    chart: { kind: 'bars', label: 'service', value: 'p95_ms' },
  }),
  slow_routes: (slots) => ({
    sql: `SELECT ${latency('route')} FROM events WHERE ${both("isNotNull(duration_ms) AND route != ''", ofService(slots), ofRoute(slots), inRange(slots))} GROUP BY route ORDER BY p95_ms DESC, route LIMIT ${top(slots, 20)}`,
    chart: { kind: 'bars', label: 'route', value: 'p95_ms' },
  }),
  failed_requests: (slots) => ({
    sql: `SELECT route, count() AS requests, countIf(status_code >= 500) AS failed, countIf(status_code >= 400 AND status_code < 500) AS refused, round(100 * failed / requests, 1) AS failed_percent FROM events WHERE ${both("event_type = 'http_request'", ofService(slots), ofRoute(slots), inRange(slots))} GROUP BY route ORDER BY failed DESC, requests DESC, route LIMIT ${top(slots, 20)}`,
    chart: { kind: 'bars', label: 'route', value: 'failed' },
  }),
  affected_users: (slots) => ({
    sql:
      slots.incident === undefined
        ? `SELECT uniqExactIf(user_id, user_id != '') AS users, count() AS errors FROM events WHERE ${both("event_type = 'error'", ofService(slots), ofRoute(slots), ofRelease(slots), inRange(slots))}`
        : `SELECT uniqExactIf(user_id, user_id != '') AS users, count() AS errors FROM events WHERE fingerprint IN (SELECT arrayJoin(fingerprints) FROM incidents WHERE number = ${slots.incident}) AND occurred_at >= (SELECT min(opened_at) - INTERVAL 1 HOUR FROM incidents WHERE number = ${slots.incident})`,
  }),
  user_journey: (slots) => ({
    sql: `SELECT occurred_at, event_type, service, route, status_code, message FROM events WHERE ${both(`user_id = ${sqlText(slots.user)}`, ofService(slots), inRange(slots))} ORDER BY occurred_at DESC, event_id LIMIT ${top(slots, 100)}`,
  }),
  search: (slots) => ({
    sql: `SELECT occurred_at, service, severity, message FROM events WHERE ${both(`hasAllTokens(lower(message), [${wordsOf(slots.text).map(sqlText).join(', ')}])`, ofService(slots), inRange(slots))} ORDER BY occurred_at DESC, event_id LIMIT ${top(slots, 100)}`,
  }),
  business: (slots) => ({
    sql: `SELECT ${bucketOf(slots)}, countIf(event_type = 'signup') AS signups, countIf(event_type = 'feedback') AS feedback FROM events WHERE ${both("event_type IN ('signup', 'feedback')", ofService(slots), inRange(slots))} GROUP BY bucket ORDER BY bucket LIMIT 200`,
    chart: { kind: 'time', label: 'bucket', value: 'signups' },
  }),
  quiet_services: (slots) => ({
    sql: `SELECT service, max(bucket) AS last_minute, sum(events) AS count FROM events_1m WHERE bucket >= ${sqlTime(slots.from)} GROUP BY service HAVING last_minute < ${sqlTime(slots.to - 10 * MINUTE_MS)} ORDER BY last_minute, service LIMIT ${top(slots, 50)}`,
  }),
}

function wordsOf(text: string): string[] {
  const words = text.toLowerCase().split(/[^\p{L}\p{N}]+/u)
  return words.filter((word) => word !== '').slice(0, 12)
}

/** What is run for a question of this kind. */
export function typedQuery(kind: AskKind, slots: Slots): TypedQuery {
  const span = RANGES[kind]
  const from = slots.hasRange || span === undefined ? slots.from : slots.to - span
  const ranged = { ...slots, from }
  return { ...BUILD[kind](ranged), from, to: slots.to }
}
