import type { ClickHouse } from '#/clickhouse/client.ts'
import type {
  GroupableRow,
  GroupingReads,
  IssueMember,
  IssueMembers,
  IssueShapeRow,
} from '#/schemas/grouping.ts'
import type { RangeQuery } from '#/schemas/reads.ts'
import { OCCURRED_IN_RANGE, rangeParams } from './conditions.ts'
import { membershipOf, OWN, OWN_OF_ROLLUP, STANDING } from './issue-aliases.ts'

export function createGroupingReads(clickhouse: ClickHouse): GroupingReads {
  return {
    members: (query) => members(clickhouse, query),
    sample: (query) => sample(clickhouse, query),
    shapes: (query) => shapes(clickhouse, query),
  }
}

type MemberRow = Omit<IssueMember, 'events' | 'first_seen' | 'last_seen'> & {
  events: string
  first_ms: string
  last_ms: string
}

async function members(
  clickhouse: ClickHouse,
  { project, fingerprint }: { project: string; fingerprint: string },
): Promise<IssueMembers | null> {
  const { canonical, members: ids } = await membershipOf(clickhouse, project, fingerprint)
  const rows = await clickhouse.query<MemberRow>(
    `SELECT i.own_id AS fingerprint, i.title AS title, i.template AS template, i.events AS events, i.first_ms AS first_ms, i.last_ms AS last_ms,
      if(fingerprint = {canonical:String}, '', a.actor) AS actor, if(fingerprint = {canonical:String}, '', a.reason) AS reason,
      if(fingerprint = {canonical:String}, '', a.decision) AS decision
    FROM (
      SELECT ${OWN_OF_ROLLUP} AS own_id, max(title) AS title, max(template) AS template, sum(events) AS events,
        toUnixTimestamp64Milli(min(first_seen)) AS first_ms, toUnixTimestamp64Milli(max(last_seen)) AS last_ms
      FROM issues WHERE project = {project:String} AND own_id IN {ids:Array(String)} GROUP BY own_id
    ) AS i LEFT ANY JOIN (
      SELECT alias, argMax(actor, (actor != '', _offset)) AS actor, argMax(reason, (actor != '', _offset)) AS reason, argMax(decision, (actor != '', _offset)) AS decision
      FROM issue_aliases WHERE project = {project:String} AND alias IN {ids:Array(String)} GROUP BY alias
    ) AS a ON a.alias = i.own_id
    ORDER BY fingerprint != {canonical:String}, events DESC, fingerprint SETTINGS prefer_column_name_to_alias = 1`,
    { params: { project, ids, canonical } },
  )
  if (rows.length === 0) return null
  return {
    fingerprint: canonical,
    members: rows.map(({ first_ms, last_ms, events, ...rest }) => ({
      ...rest,
      events: Number(events),
      first_seen: Number(first_ms),
      last_seen: Number(last_ms),
    })),
  }
}

/** Ids of the events of this part of a query, each with the issue it belongs to now. */
const issueOf = (own: string): string => `if(a.canonical = '', ${own}, a.canonical)`

async function sample(
  clickhouse: ClickHouse,
  query: RangeQuery & { limit: number },
): Promise<readonly GroupableRow[]> {
  const rows = await clickhouse.query<GroupableRow>(
    `SELECT e.* EXCEPT (own_id, at_ms), ${issueOf('e.own_id')} AS issue FROM (
      SELECT service, event_type, environment, message, error_type, error_code, route, stack, title, fingerprint_rule AS rule,
        mapFilter((name, _) -> name = 'fingerprint', attributes) AS attributes,
        ${OWN} AS own_id, toUnixTimestamp64Milli(occurred_at) AS at_ms
      FROM events WHERE ${OCCURRED_IN_RANGE} AND fingerprint != '' ORDER BY occurred_at DESC, event_id LIMIT {limit:UInt32}
    ) AS e LEFT ANY JOIN ${STANDING} AS a ON a.alias = e.own_id ORDER BY e.at_ms`,
    { params: { ...rangeParams(query), limit: query.limit } },
  )
  return rows
}

type ShapeRow = Omit<IssueShapeRow, 'events' | 'types' | 'culprits' | 'templates'> & {
  events: string
  types: Record<string, string>
  culprits: Record<string, string>
  templates: Record<string, string>
}

const counted = (values: Record<string, string>): IssueShapeRow['types'] =>
  Object.entries(values)
    .filter(([value]) => value !== '')
    .map(([value, events]) => ({ value, events: Number(events) }))
    .toSorted((left, right) => right.events - left.events)

const count = (column: string): string => `sumMap(map(toString(e.${column}), e.hits))`

async function shapes(
  clickhouse: ClickHouse,
  query: RangeQuery & { limit: number },
): Promise<readonly IssueShapeRow[]> {
  const rows = await clickhouse.query<ShapeRow>(
    `SELECT ${issueOf('e.own_id')} AS fingerprint, max(e.title) AS title, max(e.template) AS template, max(e.fingerprint_method) AS method,
      sum(e.hits) AS events, arraySort(groupUniqArrayArray(e.services)) AS services,
      ${count('error_type')} AS types, ${count('culprit')} AS culprits, ${count('template')} AS templates
    FROM (
      SELECT ${OWN} AS own_id, title, template, fingerprint_method, error_type, culprit, count() AS hits,
        groupUniqArray(50)(toString(service)) AS services
      FROM events WHERE ${OCCURRED_IN_RANGE} AND fingerprint != '' AND event_type = 'error'
      GROUP BY own_id, title, template, fingerprint_method, error_type, culprit
    ) AS e LEFT ANY JOIN ${STANDING} AS a ON a.alias = e.own_id
    GROUP BY fingerprint ORDER BY events DESC, fingerprint LIMIT {limit:UInt32} SETTINGS prefer_column_name_to_alias = 1`,
    { params: { ...rangeParams(query), limit: query.limit } },
  )
  return rows.map(({ types, culprits, templates, events, ...rest }) => ({
    ...rest,
    events: Number(events),
    types: counted(types),
    culprits: counted(culprits),
    templates: counted(templates),
  }))
}
