import { readFileSync } from 'node:fs'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { parseTopology, type TopologyService } from '#/processors/domain/incident/service-graph.ts'
import {
  createServiceDetector,
  restoreServiceDetector,
  type ServiceSnapshot,
} from '#/processors/domain/spike/service-detector.ts'
import { createClickHouseTables } from '#/processors/stages/clickhouse-table.ts'
import { loadDecisionsBefore } from '#/processors/stages/grouping-decision.ts'
import { loadSilencesBefore } from '#/processors/stages/silences-before.ts'
import { createTopology, type Topology } from '#/processors/topology.ts'
import type { RecordName } from '#/schemas/avro-schemas.ts'
import type { Kit } from './kit.ts'

/** Reads a topology file: `[{name, criticality, zone?, calls, external?}]`. */
export function readTopology(path: string | undefined): readonly TopologyService[] {
  if (path === undefined) return []
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new FaultlineError(
      'config_invalid',
      `the topology file ${path} cannot be read: ${messageOf(error)}`,
      { cause: error },
    )
  }
  return parseTopology(content)
}

/** The chain of processors with everything it is given. */
export function composeChain(kit: Kit, clickhouse: ClickHouse): Topology {
  const { config, log, registry, schemaIds, topology } = kit
  const schemas = { ids: schemaIds, registry }
  const policy = { quietMs: config.resolveAfterMin * 60_000 }
  return createTopology({
    schemas,
    ...(kit.sink === undefined ? {} : { sink: kit.sink }),
    decisionsBefore: (partition, offset) =>
      loadDecisionsBefore({ log, schemas }, partition, offset),
    createDetector: (service, snapshot) =>
      snapshot === undefined
        ? createServiceDetector(service)
        : restoreServiceDetector(snapshot as ServiceSnapshot),
    silencesBefore: (timeMs) => loadSilencesBefore({ log, schemas }, timeMs),
    optionsOf: () => ({ topology, policy }),
    tables: createClickHouseTables({
      clickhouse,
      ddl: { retentionDays: config.retentionDays },
      schemaIdOfToday: (record) => schemaIds[record as RecordName],
      schemaById: (id) => registry.byId(id),
    }),
  })
}
