import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildRegistryApp } from '#/api/registry-http.ts'
import { startTestEngine } from '#/clickhouse/engine/test-engine.ts'
import { openEmbeddedRegistry } from '#/schemas/registry-embedded.ts'
import { startPlatform } from '#/test/e2e/platform.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'

export type RoleName = 'ingest' | 'processors' | 'sink' | 'api'

export interface RoleClusterOptions {
  brokers: readonly string[]
  /** Keeps it apart from what else lives on the brokers. */
  prefix: string
  partitions: number
  /** More arguments for every process. */
  args?: readonly string[]
}

export interface StartRoleOptions {
  /** Another entry than the command line, with the same arguments. */
  script?: string
  args?: readonly string[]
}

/** The parts of the platform as processes that share a broker, an engine and a registry, and no disk. */
export interface RoleCluster extends AsyncDisposable {
  readonly operatorToken: string
  start(role: RoleName, options?: StartRoleOptions): Promise<RunningPlatform>
  /** ClickHouse goes away, and comes back on the same port with the same data. */
  stopEngine(): Promise<void>
  startEngine(): Promise<void>
  /** SIGKILL; its supervisor starts the next one. */
  killEngine(): void
  /** Rows as the platform's own user sees them. */
  rows<Row>(sql: string): Promise<Row[]>
}

const OPERATOR_TOKEN = 'operator-of-a-test'

export async function openRoleCluster(options: RoleClusterOptions): Promise<RoleCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-roles-'))
  const dataDir = join(folder, 'clickhouse')
  let engine = await startTestEngine({ dataDir })
  const { secrets } = engine
  const { port } = engine.engine
  const registry = buildRegistryApp({ registry: openEmbeddedRegistry({ dir: folder }) })
  const registryUrl = await registry.listen({ host: '127.0.0.1', port: 0 })
  const started: RunningPlatform[] = []
  const startEngine = async (): Promise<void> => {
    engine = await startTestEngine({ dataDir, port, secrets })
  }
  const url = new URL('/faultline', engine.engine.url)
  url.username = engine.engine.users.internal
  const shared = [
    ['--kafka-brokers', options.brokers.join(',')],
    ['--kafka-prefix', options.prefix],
    ['--kafka-replication-factor', '1'],
    ['--registry-url', registryUrl],
    ['--partitions', String(options.partitions)],
    ...(options.args ?? []).map((argument) => [argument]),
  ].flat()
  const needsClickHouse = (role: RoleName): boolean => role === 'sink' || role === 'api'
  return {
    operatorToken: OPERATOR_TOKEN,
    async start(role, { script, args = [] } = {}) {
      const clickhouse = needsClickHouse(role) ? ['--clickhouse-url', url.href] : []
      const platform = await startPlatform({
        // Seven processes that start at once on two cores take turns.
        readyMsMax: 150_000,
        args: ['--role', role, ...shared, ...clickhouse, ...args],
        ...(script === undefined ? {} : { script }),
        environment: {
          FAULTLINE_OPERATOR_TOKEN: OPERATOR_TOKEN,
          ...(needsClickHouse(role) ? { FAULTLINE_CLICKHOUSE_PASSWORD: secrets.internal } : {}),
        },
      })
      started.push(platform)
      return platform
    },
    stopEngine: () => engine.stop(),
    startEngine,
    killEngine() {
      const { pid } = engine.engine
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
    },
    rows: (sql) => engine.clickhouse.query(sql),
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((platform) => platform[Symbol.asyncDispose]()))
      await registry.close()
      await engine.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
