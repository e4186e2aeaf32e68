import type { ClickHouse } from '#/clickhouse/client.ts'
import { guardQuery, type CheckedTexts } from '#/clickhouse/guard.ts'
import { systemClock, type Clock } from '#/kernel/clock.ts'
import type { Reads, SqlQuery } from '#/schemas/reads.ts'
import type { SqlView } from '#/schemas/view.ts'
import { changes } from './changes.ts'
import { deployPage } from './deploys.ts'
import { eventStats } from './event-counts.ts'
import { eventById, eventPage, search } from './events.ts'
import { incidentDetail, incidentPage, incidentStats } from './incidents.ts'
import { issueDetail, issuePage } from './issues.ts'
import { metrics } from './metrics.ts'
import { knownSolutions } from './knowledge.ts'
import { overview } from './overview.ts'
import { serviceGraph } from './service-graph.ts'
import { serviceDetail, serviceList } from './services.ts'
import { storage } from './storage.ts'

/** The read port on ClickHouse: every question of the API as SQL on rollups where they can answer. */
export function createReads(clickhouse: ClickHouse, clock: Clock = systemClock): Reads {
  const known: CheckedTexts = new Map()
  return {
    events: (query) => eventPage(clickhouse, query),
    event: (query) => eventById(clickhouse, query),
    eventStats: (query) => eventStats(clickhouse, query),
    search: (query) => search(clickhouse, query, clock.nowMs()),
    incidents: (query) => incidentPage(clickhouse, query),
    incidentStats: (query) => incidentStats(clickhouse, query),
    incident: (query) => incidentDetail(clickhouse, query),
    issues: (query) => issuePage(clickhouse, query),
    issue: (query) => issueDetail(clickhouse, query),
    metrics: (query) => metrics(clickhouse, query, clock.nowMs()),
    changes: (query) => changes(clickhouse, query),
    services: (query) => serviceList(clickhouse, query),
    service: (query) => serviceDetail(clickhouse, query, clock.nowMs()),
    serviceGraph: (query) => serviceGraph(clickhouse, query),
    deploys: (query) => deployPage(clickhouse, query),
    overview: (query) => overview(clickhouse, query),
    storage: () => storage(clickhouse),
    knowledge: (query) => knownSolutions(clickhouse, query),
    guardedSql: (query) => guardedSql(clickhouse, query, known),
    ping: () => clickhouse.ping(),
  }
}

async function guardedSql(
  clickhouse: ClickHouse,
  query: SqlQuery,
  known: CheckedTexts,
): Promise<SqlView> {
  const { project, window, memoryBytesMax } = query
  const limits = {
    timeMsMax: query.timeMsMax,
    resultRowsMax: query.rowsMax,
    ...(memoryBytesMax === undefined ? {} : { memoryBytesMax }),
  }
  const guarded = await guardQuery(query.sql, { project, clickhouse, limits, window, known })
  const table = await clickhouse.queryTable(guarded.sql, {
    database: guarded.database,
    // A long answer is cut and marked, not refused.
    settings: { ...guarded.settings, result_overflow_mode: 'break' },
    ...(query.signal === undefined ? {} : { signal: query.signal }),
  })
  return {
    columns: table.columns,
    rows: table.rows.slice(0, query.rowsMax),
    rows_read: table.statistics.rowsRead,
    bytes_read: table.statistics.bytesRead,
    elapsed_ms: table.statistics.elapsedMs,
    truncated: table.rows.length >= query.rowsMax,
  }
}
