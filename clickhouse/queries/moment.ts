/**
 * The past as SQL: which events and which steps of incidents count at a moment. Rollups know minutes and no arrival, so
 * that a moment is always read from the rows themselves.
 */
import type { MomentOf } from '#/schemas/reads.ts'
import type { Conditions } from './conditions.ts'

const AT = 'fromUnixTimestamp64Milli({momentAt:Int64})'

/** To be put behind other conditions on `events`; empty for now. */
export function eventsAt(moment: MomentOf | undefined): Conditions {
  if (moment === undefined) return { where: '', params: {} }
  const known = moment.knowledge === 'known' ? ` AND received_at <= ${AT}` : ''
  return { where: ` AND occurred_at <= ${AT}${known}`, params: { momentAt: moment.atMs } }
}

/** Records from before the field say 0: then what happened counts as known. */
const RECORDED = 'if(toUnixTimestamp64Milli(recorded_at) = 0, at, recorded_at)'

/** Of `incident_events`. */
export function stepsAt({ atMs, knowledge }: MomentOf): Conditions {
  const column = knowledge === 'known' ? RECORDED : 'at'
  return { where: `${column} <= ${AT}`, params: { momentAt: atMs } }
}

/**
 * `incidents` as a table to read from: one row each, the last one by now or by then. At a moment every column of the
 * list is there, and `detail` where it is asked for.
 */
export function incidentsAt(
  moment: MomentOf | undefined,
  { isWhole = false }: { isWhole?: boolean } = {},
): Conditions {
  if (moment === undefined) return { where: 'incidents FINAL', params: {} }
  const { where, params } = stepsAt(moment)
  const columns = `project, incident_id, number, seq, status, title, severity, severity_score, opened_at, updated_at,
    resolved_at, services, fingerprints, events, users, root, suspect_deploy, redirect_to, regressed, flapping,
    toBool(JSONHas(detail, 'silenced')) AS silenced${isWhole ? ', detail' : ''}`
  return {
    where: `(SELECT ${columns} FROM incident_events WHERE project = {project:String} AND ${where}
      ORDER BY incident_id, seq DESC LIMIT 1 BY incident_id)`,
    params,
  }
}

/** `issues_1m` as it would be at a moment: the same columns, counted from the events that `only` leaves. */
export function issueMinutesAt(
  moment: MomentOf | undefined,
  only: string,
): { table: string; params: Record<string, unknown> } {
  if (moment === undefined) return { table: 'issues_1m', params: {} }
  const { where, params } = eventsAt(moment)
  return {
    table: `(SELECT project, fingerprint, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket, service, count() AS events
      FROM events WHERE project = {project:String} AND ${only}${where} GROUP BY project, fingerprint, bucket, service)`,
    params,
  }
}

export const OF_MEMBERS = 'fingerprint IN {fingerprints:Array(String)}'
