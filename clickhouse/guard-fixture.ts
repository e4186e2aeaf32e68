import type { ClickHouse } from './client.ts'
import { PUBLIC_TABLES } from './public-tables.ts'

/**
 * Small tables under the public names with rows of two projects, `shop` and `bank`, for tests of the
 * guard. Everything of `bank` says "topsecret".
 */
export async function createFaultlineTables(clickhouse: ClickHouse): Promise<void> {
  const rows = `project String, service String, severity UInt8, message String, occurred_at DateTime('UTC'),
    tags Array(String), attributes Map(String, String)`
  const shapes: Record<string, string> = {
    events: `(${rows}) ENGINE = MergeTree ORDER BY project`,
    events__e2: `(${rows}) ENGINE = MergeTree ORDER BY project`,
    events_1m: `(project String, bucket DateTime('UTC'), events UInt64) ENGINE = MergeTree ORDER BY project`,
    deploys: `(project String, service String, release String) ENGINE = MergeTree ORDER BY project`,
    incidents: `(project String, incident_id String, seq UInt32, status String)
      ENGINE = ReplacingMergeTree(seq) ORDER BY (project, incident_id)`,
  }
  const other = '(project String) ENGINE = MergeTree ORDER BY project'
  const names = new Set([...Object.keys(PUBLIC_TABLES), 'events__e2', 'schema_migrations'])
  for (const name of names) {
    await clickhouse.command(`CREATE TABLE ${name} ${shapes[name] ?? other}`)
  }
  const inserts = [
    `INSERT INTO events VALUES
      ('shop', 'payment', 4, 'card declined', '2026-01-01 10:10:00', [], {}),
      ('shop', 'cart', 2, 'cart empty', '2026-01-01 10:20:00', ['a', 'b'], {'k': 'v'}),
      ('bank', 'ledger', 5, 'topsecret', '2026-01-01 10:30:00', ['topsecret'], {'k': 'topsecret'})`,
    `INSERT INTO events__e2 SELECT * FROM events`,
    `INSERT INTO events_1m VALUES ('shop', '2026-01-01 10:00:00', 7), ('bank', '2026-01-01 10:00:00', 9)`,
    `INSERT INTO deploys VALUES ('shop', 'payment', 'v2'), ('bank', 'ledger', 'topsecret')`,
    `INSERT INTO incidents VALUES ('shop', 'i1', 1, 'open')`,
    `INSERT INTO incidents VALUES ('shop', 'i1', 2, 'resolved'), ('bank', 'i2', 1, 'topsecret')`,
  ]
  for (const insert of inserts) await clickhouse.command(insert)
}
