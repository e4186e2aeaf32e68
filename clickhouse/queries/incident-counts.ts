/**
 * What an incident's issues count in the store. The clusterer counts at the close of each minute; a page whose chart is
 * live would contradict itself for that minute, so pages show these counts beside their charts.
 */
import type { ClickHouse } from '#/clickhouse/client.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { MomentOf } from '#/schemas/reads.ts'
import type { IncidentRow } from '#/schemas/view.ts'
import { issueMinutesAt, OF_MEMBERS } from './moment.ts'

const SPARK_SLOTS = 30
const SPARK_SLOT_S = 120
const SPARK_S = SPARK_SLOTS * SPARK_SLOT_S
const OUTSIDE = -1
const FOREVER_S = 4_294_967_295

const minuteOf = (ms: number): number => Math.floor(ms / 60_000) * 60

/** Adds errors since the opening, and those of the hour before the last change in two-minute slots. */
export async function withCounts(
  clickhouse: ClickHouse,
  { project, moment }: { project: string; moment?: MomentOf | undefined },
  items: readonly IncidentRow[],
): Promise<IncidentRow[]> {
  if (items.length === 0) return []
  const minutes = issueMinutesAt(
    moment,
    'fingerprint IN {all:Array(String)} AND occurred_at >= toDateTime({first:Int64})',
  )
  const windows = items.map((item) => {
    const changed = Math.ceil(item.updated_at / 1000)
    // An open incident goes on: what came since its last change counts too.
    const isOpen = item.resolved_at === null
    return {
      opened: minuteOf(item.opened_at),
      end: isOpen ? FOREVER_S : changed,
      sparkFrom: changed + (isOpen ? SPARK_SLOT_S : 0) - SPARK_S,
    }
  })
  const rows = await clickhouse.query<{ id: string; slot: string; events: string; since: string }>(
    `SELECT id, if(at >= spark_from AND at < spark_from + {sparkS:Int64}, intDiv(at - spark_from, {slotS:Int64}), ${OUTSIDE}) AS slot,
       sum(i.events) AS events, sumIf(i.events, at >= opened AND at < end) AS since
     FROM (SELECT fingerprint, events, toInt64(toUnixTimestamp(bucket)) AS at FROM ${minutes.table}
       WHERE project = {project:String} AND fingerprint IN {all:Array(String)}
         AND bucket >= toDateTime({first:Int64})) AS i
     INNER JOIN (
       SELECT w.1 AS id, arrayJoin(w.2) AS member, w.3 AS opened, w.4 AS end, w.5 AS spark_from FROM (
         SELECT arrayJoin(arrayZip({ids:Array(String)}, {members:Array(Array(String))}, {opened:Array(Int64)}, {ends:Array(Int64)}, {sparkFrom:Array(Int64)})) AS w)
     ) AS windows ON i.fingerprint = member
     GROUP BY id, slot`,
    {
      params: {
        project,
        ...minutes.params,
        ids: items.map((item) => item.id),
        members: items.map((item) => item.fingerprints),
        all: [...new Set(items.flatMap((item) => item.fingerprints))],
        opened: windows.map((window) => window.opened),
        ends: windows.map((window) => window.end),
        sparkFrom: windows.map((window) => window.sparkFrom),
        slotS: SPARK_SLOT_S,
        sparkS: SPARK_S,
        first: Math.min(...windows.map(({ opened, sparkFrom }) => Math.min(opened, sparkFrom))),
      },
    },
  )
  const byId = Map.groupBy(rows, (row) => row.id)
  return items.map((item) => {
    const spark = Array.from({ length: SPARK_SLOTS }, () => 0)
    let errors = 0
    for (const { slot, events, since } of byId.get(item.id) ?? []) {
      errors += Number(since)
      if (spark[Number(slot)] !== undefined) spark[Number(slot)] = Number(events)
    }
    return { ...item, errors, spark }
  })
}

/** Errors of each issue of an incident since the minute it opened. */
export async function memberErrors(
  clickhouse: ClickHouse,
  incident: Incident,
  moment: MomentOf | undefined,
): Promise<Record<string, number>> {
  const minutes = issueMinutesAt(moment, OF_MEMBERS)
  const fingerprints = incident.members
    .map((member) => member.fingerprint)
    .filter((fingerprint) => fingerprint !== '')
  if (fingerprints.length === 0) return {}
  const end = incident.resolvedAt === null ? '' : ' AND bucket < toDateTime({end:Int64})'
  const rows = await clickhouse.query<{ fingerprint: string; n: string }>(
    `SELECT fingerprint, sum(events) AS n FROM ${minutes.table} WHERE project = {project:String}
       AND fingerprint IN {fingerprints:Array(String)} AND bucket >= toDateTime({opened:Int64})${end} GROUP BY fingerprint`,
    {
      params: {
        project: incident.project,
        ...minutes.params,
        fingerprints,
        opened: minuteOf(incident.openedAt),
        end: Math.ceil(Math.max(incident.updatedAt, incident.resolvedAt ?? 0) / 1000),
      },
    },
  )
  return Object.fromEntries(rows.map(({ fingerprint, n }) => [fingerprint, Number(n)]))
}
