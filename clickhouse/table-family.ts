/**
 * A table fed from the log and everything views derive from it. A replay fills a twin of the whole family and then
 * exchanges it as one.
 */
export interface TableFamily {
  base: string
  /** The base itself first, then what its views fill. */
  members: readonly FamilyMember[]
}

interface FamilyMember {
  table: string
  /**
   * A SELECT of the member's content, whatever order its rows came in: aggregate states finished, provenance left
   * out. `{table}` stands for the name.
   */
  content: string
}

const withoutOrigin = (table: string): FamilyMember => ({
  table,
  content: 'SELECT * EXCEPT (_topic, _partition, _offset, _epoch) FROM {table}',
})

const KEY_1M = 'project, bucket, service, environment, event_type, severity'
const STATES = `uniqCombinedMerge(12)(users), quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(durations)`

const EVENTS: TableFamily = {
  base: 'events',
  members: [
    withoutOrigin('events'),
    {
      table: 'events_10s',
      content: `SELECT ${KEY_1M}, sum(events), sum(failures) FROM {table} GROUP BY ${KEY_1M}`,
    },
    {
      table: 'events_1m',
      content: `SELECT ${KEY_1M}, release, route, sum(events), sum(failures), ${STATES} FROM {table} GROUP BY ${KEY_1M}, release, route`,
    },
    {
      table: 'events_1h',
      content: `SELECT ${KEY_1M}, sum(events), sum(failures), ${STATES} FROM {table} GROUP BY ${KEY_1M}`,
    },
    {
      table: 'volume_1m',
      content: `SELECT ${KEY_1M}, release, error_type, sum(events), sum(failures) FROM {table} GROUP BY ${KEY_1M}, release, error_type`,
    },
    {
      table: 'users_1m',
      content:
        'SELECT project, bucket, environment, event_type, uniqCombinedMerge(12)(users) FROM {table} GROUP BY ALL',
    },
    {
      table: 'durations_1m',
      content:
        'SELECT project, service, bucket, environment, quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(durations) FROM {table} GROUP BY ALL',
    },
    {
      table: 'issues_1m',
      content:
        'SELECT project, fingerprint, own, bucket, service, release, sum(events) FROM {table} GROUP BY ALL',
    },
    {
      table: 'issues',
      content:
        'SELECT project, fingerprint, own, min(first_seen), max(last_seen), sum(events), uniqCombinedMerge(12)(users), max(title), max(template) FROM {table} GROUP BY project, fingerprint, own',
    },
    { table: 'deploys', content: 'SELECT * FROM {table}' },
  ],
}

const LIFECYCLE: TableFamily = {
  base: 'incident_events',
  members: [
    withoutOrigin('incident_events'),
    { table: 'incidents', content: 'SELECT * FROM {table} FINAL' },
  ],
}

const FAMILIES: readonly TableFamily[] = [EVENTS, LIFECYCLE]

/** The family of a base table; most are alone in it. */
export function familyOf(base: string): TableFamily {
  return FAMILIES.find((family) => family.base === base) ?? { base, members: [withoutOrigin(base)] }
}
