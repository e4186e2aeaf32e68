import { beganAt, type Incident } from '#/schemas/incident.ts'
import {
  plainText,
  clockText,
  secondsFrom,
  sqlArray,
  sqlBetween,
  sqlList,
  sqlText,
  sqlTime,
} from './sql-text.ts'

export type EvidenceKind =
  | 'counts'
  | 'service'
  | 'issue'
  | 'before'
  | 'deploy'
  | 'release'
  | 'lift'
  | 'detection'
  | 'route'
  | 'past'
  | 'solution'

type Row = readonly unknown[]

/** One question to the store; every row of its answer is a numbered fact. */
export interface EvidenceQuery {
  kind: EvidenceKind
  sql: string
  /** Facts it may give. */
  factsMax: number
  /** What names a row, so that it is found again when the query runs later. */
  keyOf(row: Row): string
  /** Undefined for a row that says nothing. */
  sentenceOf(row: Row): string | undefined
}

const HOUR_MS = 3_600_000
const MEMBERS_MAX = 50
const SERVICES_MAX = 20
/** Dimensions by which events inside and around the incident are compared. */
const DIMENSIONS = [
  'host',
  'release',
  'route',
  'environment',
  'error_code',
  'error_type',
  'method',
  'status_code',
]

const text = (value: unknown): string => plainText(String(value))
const number = (value: unknown): number => Number(value)
const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
const names = (value: unknown): string =>
  (Array.isArray(value) ? value : []).slice(0, 4).map(text).join(', ')

/** From an hour before it began until `windowEnd`; nothing after it, so that the same window is the same question. */
export function evidenceWindow(
  incident: Incident,
  windowEnd: number,
): { from: number; start: number; to: number } {
  const start = beganAt(incident)
  return { from: start - HOUR_MS, start, to: Math.max(windowEnd, start + 1000) }
}

/**
 * What is asked about an incident, most telling first. All of it is confined to the incident's own issues and
 * services: "all errors in the window" would blame one incident on another.
 */
export function evidencePlan(incident: Incident, windowEnd: number): readonly EvidenceQuery[] {
  const { from, start, to } = evidenceWindow(incident, windowEnd)
  const fingerprints = incident.members
    .map(({ fingerprint }) => fingerprint)
    .filter((one) => one !== '')
    .slice(0, MEMBERS_MAX)
  const services = incident.services.slice(0, SERVICES_MAX)
  const scope: Scope = {
    from,
    start,
    to,
    services,
    fingerprints,
    own: `fingerprint IN ${sqlList(fingerprints.length > 0 ? fingerprints : ['-'])}`,
    theirs: `service IN ${sqlList(services.length > 0 ? services : ['-'])}`,
    id: incident.id,
  }
  return [
    counts(scope),
    servicesInOrder(scope),
    before(scope),
    issues(scope),
    deploys(scope),
    releases(scope),
    lift(scope),
    detections(scope),
    routes(scope),
    past(scope),
  ]
}

interface Scope {
  from: number
  start: number
  to: number
  services: readonly string[]
  fingerprints: readonly string[]
  own: string
  theirs: string
  id: string
}

function counts({ own, start, to }: Scope): EvidenceQuery {
  return {
    kind: 'counts',
    factsMax: 1,
    sql: `SELECT count() AS events, uniqExactIf(user_id, user_id != '') AS users, uniqExact(service) AS services, toUnixTimestamp64Milli(min(occurred_at)) AS first_ms, toUnixTimestamp64Milli(max(occurred_at)) AS last_ms FROM events WHERE ${own} AND ${sqlBetween('occurred_at', start, to)} HAVING events > 0`,
    keyOf: () => 'all',
    sentenceOf: ([events, users, services, first, last]) =>
      `The issues of the incident count ${number(events)} events from ${number(users)} users in ${number(services)} services, the first at ${clockText(number(first))}, the last at ${clockText(number(last))}.`,
  }
}

function servicesInOrder({ own, start, to }: Scope): EvidenceQuery {
  return {
    kind: 'service',
    factsMax: 6,
    sql: `SELECT toString(service) AS name, count() AS events, toUnixTimestamp64Milli(min(occurred_at)) AS first_ms, min(toUnixTimestamp64Milli(min(occurred_at))) OVER () AS origin_ms FROM events WHERE ${own} AND ${sqlBetween('occurred_at', start, to)} GROUP BY name ORDER BY first_ms, name LIMIT 6`,
    keyOf: ([service]) => text(service),
    sentenceOf: ([service, events, first, origin]) =>
      `Service ${text(service)} reports ${number(events)} of these events; its first came at ${clockText(number(first))}, ${secondsFrom(number(first), number(origin))} the first of all.`,
  }
}

function before({ own, from, start }: Scope): EvidenceQuery {
  return {
    kind: 'before',
    factsMax: 1,
    sql: `SELECT count() AS events FROM events WHERE ${own} AND ${sqlBetween('occurred_at', from, start)}`,
    keyOf: () => 'all',
    sentenceOf: ([events]) =>
      `In the 60 minutes before it began the same issues counted ${number(events)} events.`,
  }
}

function issues({ own, start }: Scope): EvidenceQuery {
  return {
    kind: 'issue',
    factsMax: 5,
    sql: `SELECT toString(fingerprint) AS issue, max(title) AS name, sum(events) AS seen, toUnixTimestamp64Milli(min(first_seen)) AS first_ms FROM issues WHERE ${own} GROUP BY issue ORDER BY seen DESC, issue LIMIT 5`,
    keyOf: ([issue]) => text(issue),
    sentenceOf: ([, name, , first]) =>
      number(first) >= start - 1000
        ? `The issue "${text(name)}" was never seen before; it was first seen at ${clockText(number(first))}.`
        : `The issue "${text(name)}" was known before; it was first seen ${Math.round((start - number(first)) / 60_000)} minutes before the incident began.`,
  }
}

function deploys({ own, theirs, from, start, to }: Scope): EvidenceQuery {
  return {
    kind: 'deploy',
    factsMax: 5,
    sql: `SELECT deploy_id, toString(service) AS name, toString(release) AS version, change_kind, toUnixTimestamp64Milli(occurred_at) AS at_ms, (SELECT toUnixTimestamp64Milli(min(occurred_at)) FROM events WHERE ${own} AND ${sqlBetween('occurred_at', start, to)}) AS origin_ms FROM deploys WHERE ${theirs} AND ${sqlBetween('occurred_at', from, to)} ORDER BY abs(at_ms - origin_ms), deploy_id LIMIT 5`,
    keyOf: ([id, service]) => `${text(id)} ${text(service)}`,
    sentenceOf: ([id, service, version, kind, at, origin]) =>
      `Deploy ${text(id)} (${text(kind)}) brought release ${text(version)} of ${text(service)} at ${clockText(number(at))}, ${secondsFrom(number(at), number(origin))} the first of these events.`,
  }
}

function releases({ theirs, own, start, to }: Scope): EvidenceQuery {
  return {
    kind: 'release',
    factsMax: 4,
    sql: `SELECT toString(service) AS name, toString(release) AS version, count() AS events, countIf(${own}) AS inside FROM events WHERE ${theirs} AND release != '' AND ${sqlBetween('occurred_at', start, to)} GROUP BY name, version ORDER BY inside DESC, name, version LIMIT 4`,
    keyOf: ([service, version]) => `${text(service)} ${text(version)}`,
    sentenceOf: ([service, version, events, inside]) =>
      `Of ${number(events)} events of release ${text(version)} of ${text(service)}, ${number(inside)} belong to the incident (${percent(number(inside) / Math.max(1, number(events)))}).`,
  }
}

function lift({ theirs, own, from, start, to }: Scope): EvidenceQuery {
  const pairs = DIMENSIONS.map((name) => `(${sqlText(name)}, toString(${name}))`).join(', ')
  return {
    kind: 'lift',
    factsMax: 5,
    sql: `SELECT d.1 AS field, d.2 AS value, countIf(${own} AND occurred_at >= ${sqlTime(start)}) AS inside, countIf(NOT (${own})) AS others, inside / greatest(1, max(total_inside)) AS share, others / greatest(1, max(total_others)) AS share_others FROM (SELECT *, countIf(${own} AND occurred_at >= ${sqlTime(start)}) OVER () AS total_inside, countIf(NOT (${own})) OVER () AS total_others FROM events WHERE ${theirs} AND ${sqlBetween('occurred_at', from, to)}) ARRAY JOIN arrayFilter(p -> p.2 NOT IN ('', '0'), [${pairs}]) AS d GROUP BY field, value HAVING inside >= 3 AND share > 1.5 * share_others AND share >= 0.2 ORDER BY share - share_others DESC, field, value LIMIT 5`,
    keyOf: ([field, value]) => `${text(field)} ${text(value)}`,
    sentenceOf: ([field, value, inside, , share, others]) =>
      `${text(field)} ${text(value)} stands in ${number(inside)} events of the incident: ${percent(number(share))} of them, against ${percent(number(others))} of the other events of the same services.`,
  }
}

function detections({ theirs, from, to }: Scope): EvidenceQuery {
  return {
    kind: 'detection',
    factsMax: 5,
    sql: `SELECT detection_id, max(sentence) AS words, max(score) AS strength FROM detections WHERE ${theirs} AND kind IN ('spike', 'drop', 'silence', 'latency', 'novel', 'sql') AND ${sqlBetween('at', from, to)} GROUP BY detection_id ORDER BY strength DESC, detection_id LIMIT 5`,
    keyOf: ([id]) => text(id),
    sentenceOf: ([, words]) => (text(words) === '' ? undefined : `Detected: ${text(words)}`),
  }
}

function routes({ theirs, start, to }: Scope): EvidenceQuery {
  return {
    kind: 'route',
    factsMax: 3,
    sql: `SELECT toString(service) AS name, toString(route) AS path, count() AS requests, countIf(status_code >= 500) AS failed FROM events WHERE ${theirs} AND event_type = 'http_request' AND route != '' AND ${sqlBetween('occurred_at', start, to)} GROUP BY name, path HAVING failed > 0 ORDER BY failed DESC, name, path LIMIT 3`,
    keyOf: ([service, path]) => `${text(service)} ${text(path)}`,
    sentenceOf: ([service, path, requests, failed]) =>
      `Of ${number(requests)} requests to ${text(path)} of ${text(service)}, ${number(failed)} failed (${percent(number(failed) / Math.max(1, number(requests)))}).`,
  }
}

function past({ services, fingerprints, start, id }: Scope): EvidenceQuery {
  const common = `length(arrayIntersect(fingerprints, ${sqlArray(fingerprints)}))`
  const near = `length(arrayIntersect(arrayMap(s -> toString(s), services), ${sqlArray(services)}))`
  return {
    kind: 'past',
    factsMax: 3,
    sql: `SELECT incident_id, number, title, ${common} AS issues, ${near} AS near, arrayMap(s -> toString(s), services) AS where_ FROM incidents WHERE status = 'resolved' AND redirect_to = '' AND incident_id != ${sqlText(id)} AND opened_at < ${sqlTime(start)} AND (issues > 0 OR near > 0) ORDER BY issues DESC, near DESC, opened_at DESC, number DESC LIMIT 3`,
    keyOf: ([incident]) => text(incident),
    sentenceOf: ([, which, title, common_, , where]) =>
      `Resolved incident #${number(which)} "${text(title)}" in ${names(where)} had ${number(common_)} of the same issues.`,
  }
}
