import type { Config } from '#/cli/settings.ts'

const RETENTION_DAYS = 7
const MEMORY_MB_MAX = 400

/**
 * The configuration of a sandbox: a whole platform with a log and a ClickHouse of its own in its own folder, whatever
 * the platform beside it uses. Nothing leaves it: no targets of notifications, no model, no hooks, no ports beside
 * the one of its pages. Who may read, and under which names, is as on the platform.
 */
export function sandboxConfig(
  config: Config,
  { dataDir, project, speed }: { dataDir: string; project: string; speed: number },
): Config {
  return Object.freeze({
    ...config,
    dataDir,
    project,
    role: 'all',
    port: config.drillPort,
    publicUrl: config.drillUrl,
    clickhousePort: 0,
    registryPort: 0,
    kafkaPort: 0,
    kafka: 'off',
    kafkaBrokers: undefined,
    clickhouseUrl: undefined,
    clickhouseCluster: undefined,
    registryUrl: undefined,
    partitions: 1,
    clickhouseMemoryMb: Math.min(config.clickhouseMemoryMb, MEMORY_MB_MAX),
    logRetentionDays: RETENTION_DAYS,
    retentionDays: RETENTION_DAYS,
    // What is quiet for half an hour of the record is quiet for half an hour of the record here.
    resolveAfterMin: Math.max(1, config.resolveAfterMin / speed),
    notify: undefined,
    aiUrl: undefined,
    aiModel: undefined,
    aiKey: undefined,
    hookMappings: undefined,
    githubWebhookSecret: undefined,
    sentryWebhookSecret: undefined,
  } satisfies Config)
}
