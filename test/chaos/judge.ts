import type { Ledger } from './ledger.ts'

/** Asks ClickHouse. */
export type Ask = <Row>(sql: string) => Promise<Row[]>

/** What is wrong, as sentences; empty is good. */
export type Faults = string[]

const SHOWN_MAX = 5
/** Their places make long lines. */
const TWICE_SHOWN_MAX = 2

/** Failures of the platform itself are events, too, of a project of their own that no sender knows of. */
export const SENT = "project = 'default'"

/** Looks at everything ClickHouse holds once nothing is under way, and compares it with what was acknowledged. */
export async function judge(ask: Ask, ledger: Ledger): Promise<Faults> {
  const faults: Faults = []
  await judgeEvents(ask, ledger, faults)
  await judgeRollup(ask, { table: 'events_10s', of: '', expected: undefined }, faults)
  await judgeRollup(ask, { table: 'events_1m', of: 'minute', expected: ledger.minutes }, faults)
  await judgeRollup(ask, { table: 'volume_1m', of: 'minute', expected: ledger.minutes }, faults)
  await judgeRollup(ask, { table: 'events_1h', of: 'hour', expected: ledger.hours }, faults)
  await judgeIssues(ask, ledger, faults)
  await judgeIncidents(ask, faults)
  return faults
}

/** Every acknowledged id exactly once, nothing else, and each service in the order it was sent. */
async function judgeEvents(ask: Ask, ledger: Ledger, faults: Faults): Promise<void> {
  const rows = await ask<Record<'service' | 'n' | 'ids' | 'low' | 'high' | 'places', string>>(`
    SELECT service, count() AS n, uniqExact(event_id) AS ids, min(toUInt64(duration_ms)) AS low,
      max(toUInt64(duration_ms)) AS high, uniqExact(_partition, _offset) AS places
    FROM events WHERE ${SENT} GROUP BY service`)
  const found = new Map(rows.map((row) => [row.service, row]))
  for (const [service, count] of ledger.services) {
    const row = found.get(service)
    const [n, ids, places] = [Number(row?.n ?? 0), Number(row?.ids ?? 0), Number(row?.places ?? 0)]
    if (n > ids)
      faults.push(
        `${service}: ${n - ids} rows are doubled (${places} places in the log): ${await eventsTwice(ask, service)}`,
      )
    if (ids < count) faults.push(`${service}: ${count - ids} of ${count} acknowledged are missing`)
    if (ids > count) faults.push(`${service}: ${ids - count} more than were acknowledged`)
    if (ids === count && (Number(row?.low) !== 0 || Number(row?.high) !== count - 1))
      faults.push(`${service}: numbers ${row?.low} to ${row?.high} for ${count} events`)
  }
  for (const service of found.keys())
    if (!ledger.services.has(service)) faults.push(`${service}: nobody sent that`)
  const disorder = await ask<{ service: string }>(`
    SELECT service FROM (
      SELECT service, groupArray(number) AS numbers FROM (
        SELECT service, toUInt64(duration_ms) AS number FROM events WHERE ${SENT} ORDER BY service, _offset)
      GROUP BY service) WHERE numbers != arraySort(numbers) LIMIT ${SHOWN_MAX}`)
  for (const { service } of disorder) faults.push(`${service}: out of order`)
}

/**
 * How the first of them lie. One place: an insert that was made twice. Two places with one time of arrival: a commit
 * that counted twice. Two times of arrival: sent again, and not recognised.
 */
async function eventsTwice(ask: Ask, service: string): Promise<string> {
  const rows = await ask<{ event_id: string; at: string[] }>(`
    SELECT event_id, arraySort(groupArray(concat(toString(_partition), '/', toString(_offset), ' epoch ',
      toString(_epoch), ' received ', toString(received_at), ' in ', _part))) AS at
    FROM events WHERE ${SENT} AND service = '${service}' GROUP BY event_id HAVING count() > 1
    ORDER BY at[1] LIMIT ${TWICE_SHOWN_MAX}`)
  return rows.map(({ event_id: id, at }) => `${id} at ${at.join(' and ')}`).join(', ')
}

interface Rollup {
  table: string
  of: string
  expected: ReadonlyMap<string, number> | undefined
}

/** The rollup's sums are those of the independent count, bucket by bucket, or at least of the base table. */
async function judgeRollup(
  ask: Ask,
  { table, of, expected }: Rollup,
  faults: Faults,
): Promise<void> {
  const [sum] = await ask<{ n: string; base: string }>(
    `SELECT sum(events) AS n, (SELECT count() FROM events) AS base FROM ${table}`,
  )
  if (sum?.n !== sum?.base) faults.push(`${table} sums to ${sum?.n}, events has ${sum?.base} rows`)
  if (expected === undefined) return
  const rows = await ask<{ service: string; at: number; n: string }>(
    `SELECT service, toUnixTimestamp(bucket) AS at, sum(events) AS n FROM ${table} WHERE ${SENT} GROUP BY service, at`,
  )
  const wrong = rows.filter(({ service, at, n }) => expected.get(`${service}|${at}`) !== Number(n))
  for (const { service, at, n } of wrong.slice(0, SHOWN_MAX))
    faults.push(
      `${table}: ${of} ${at} of ${service} has ${n}, not ${expected.get(`${service}|${at}`)}`,
    )
  if (rows.length !== expected.size)
    faults.push(`${table} has ${rows.length} buckets, not ${expected.size}`)
}

async function judgeIssues(ask: Ask, ledger: Ledger, faults: Faults): Promise<void> {
  const [row] = await ask<{ issues: string; minutes: string }>(`
    SELECT (SELECT sum(events) FROM issues WHERE ${SENT}) AS issues,
      (SELECT sum(events) FROM issues_1m WHERE ${SENT} AND fingerprint IN (SELECT fingerprint FROM issues)) AS minutes`)
  if (Number(row?.issues) !== ledger.errors)
    faults.push(`issues count ${row?.issues} errors of ${ledger.errors}`)
  if (Number(row?.minutes) !== ledger.errors)
    faults.push(`issues_1m count ${row?.minutes} errors of ${ledger.errors}`)
}

/** Where the steps that are there more than once lie in the log: one place is an insert that was made twice. */
async function placesTwice(ask: Ask, id: string): Promise<string> {
  const rows = await ask<{ seq: string; at: string[] }>(`
    SELECT seq, groupArray(concat(toString(_partition), '/', toString(_offset), ' epoch ', toString(_epoch), ' in ', _part)) AS at
    FROM incident_events WHERE incident_id = '${id}' GROUP BY seq HAVING count() > 1 ORDER BY seq`)
  return rows.map(({ seq, at }) => `step ${seq} at ${at.join(' and ')}`).join(', ')
}

/** Each incident's steps are 1, 2, 3 … once each, and the incident stands where its last step put it. */
async function judgeIncidents(ask: Ask, faults: Faults): Promise<void> {
  const steps = await ask<{ incident_id: string; n: string; last: number }>(`
    SELECT incident_id, count() AS n, max(seq) AS last FROM incident_events GROUP BY project, incident_id
    HAVING n != uniqExact(seq) OR n != last OR min(seq) != 1 LIMIT ${SHOWN_MAX}`)
  for (const { incident_id: id, n, last } of steps)
    faults.push(`incident ${id} has ${n} steps, the last is ${last}: ${await placesTwice(ask, id)}`)
  const stale = await ask<{ incident_id: string }>(`
    SELECT incident_id FROM (SELECT * FROM incidents FINAL) AS one
    FULL JOIN (SELECT incident_id, max(seq) AS last, argMax(status, seq) AS status_last,
        argMax(severity_score, seq) AS score_last FROM incident_events GROUP BY incident_id) AS step
      USING (incident_id)
    WHERE one.seq != step.last OR one.status != step.status_last OR one.severity_score != step.score_last
    LIMIT ${SHOWN_MAX}`)
  for (const { incident_id: id } of stale) faults.push(`incident ${id} is not where its steps lead`)
  const [twice] = await ask<{ n: string }>(
    `SELECT count() - uniqExact(_topic, _partition, _offset) AS n FROM detections`,
  )
  if (Number(twice?.n) !== 0) faults.push(`${twice?.n} detections are doubled`)
  const [numbers] = await ask<{ n: string }>(
    `SELECT count() - uniqExact(project, number) AS n FROM incidents FINAL`,
  )
  if (Number(numbers?.n) !== 0) faults.push(`${numbers?.n} incidents share a number`)
}
