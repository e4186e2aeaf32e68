import type { ClickHouse } from '#/clickhouse/client.ts'

/** What a row would be grouped as alone: it never changes, whatever was merged or split since. */
export const OWN = `if(fingerprint_own = '', toString(fingerprint), toString(fingerprint_own))`
/** The same in rollups. */
export const OWN_OF_ROLLUP = `if(own = '', toString(fingerprint), toString(own))`

// A person's last word goes before what was learned; an empty one leaves it to learning again.
const DIRECT = `(SELECT alias, if(decided != '', decided, learned) AS canonical FROM (
    SELECT alias, argMaxIf(canonical, _offset, actor != '') AS decided, argMaxIf(canonical, _offset, actor = '') AS learned
    FROM issue_aliases WHERE project = {project:String} GROUP BY alias)
  WHERE decided != '' OR learned != '')`
const TWO_STEPS = `(SELECT d.alias AS alias, d.canonical AS first, if(e.canonical = '', d.canonical, e.canonical) AS second
  FROM ${DIRECT} AS d LEFT ANY JOIN ${DIRECT} AS e ON e.alias = d.canonical)`

/**
 * Where each alias belongs now, over up to four steps: learned into one template, decided into another issue, and so
 * on. Two services may have learned one pair in opposite orders; then the smaller id stands.
 */
export const STANDING = `(SELECT t.alias AS alias,
  multiIf(u.alias = '', t.second, u.second = t.second, least(u.first, u.second), u.second) AS canonical
  FROM ${TWO_STEPS} AS t LEFT ANY JOIN ${TWO_STEPS} AS u ON u.alias = t.second)`

/** Mostly nothing was merged or split, which a plain look tells much faster than the joins. */
export async function hasAliases(clickhouse: ClickHouse, project: string): Promise<boolean> {
  const some = await clickhouse.query(
    'SELECT 1 AS n FROM issue_aliases WHERE project = {project:String} LIMIT 1',
    { params: { project } },
  )
  return some.length > 0
}

/** What is one issue now. */
export interface Membership {
  canonical: string
  /** The canonical id first, then every id that belongs to it. */
  members: readonly string[]
  /** Ids under which rows of the members may be stored: the members, and what stood for them at other times. */
  stored: readonly string[]
}

export async function membershipOf(
  clickhouse: ClickHouse,
  project: string,
  fingerprint: string,
): Promise<Membership> {
  if (!(await hasAliases(clickhouse, project)))
    return { canonical: fingerprint, members: [fingerprint], stored: [fingerprint] }
  const rows = await clickhouse.query<{ alias: string; canonical: string }>(
    `WITH standing AS ${STANDING},
      (SELECT any(canonical) FROM standing WHERE alias = {fingerprint:String}) AS found
    SELECT alias, canonical FROM standing
    WHERE canonical = if(found = '', {fingerprint:String}, found) ORDER BY alias`,
    { params: { project, fingerprint } },
  )
  const canonical = rows[0]?.canonical ?? fingerprint
  const members = [canonical, ...rows.map((row) => row.alias).filter((id) => id !== canonical)]
  const stood = await clickhouse.query<{ canonical: string }>(
    `SELECT DISTINCT canonical FROM issue_aliases WHERE project = {project:String} AND alias IN {members:Array(String)} AND canonical != ''`,
    { params: { project, members } },
  )
  return {
    canonical,
    members,
    stored: [...new Set([...members, ...stood.map((row) => row.canonical)])],
  }
}

/** Which of these issues each id belongs to that belongs to one of them. */
export async function standingOf(
  clickhouse: ClickHouse,
  project: string,
  issues: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await clickhouse.query<{ alias: string; canonical: string }>(
    `SELECT alias, canonical FROM ${STANDING} WHERE canonical IN {issues:Array(String)}`,
    { params: { project, issues } },
  )
  return new Map([
    ...issues.map((issue) => [issue, issue] as const),
    ...rows.map((row) => [row.alias, row.canonical] as const),
  ])
}
