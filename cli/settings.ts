import { ACCOUNT_OPTIONS, type AccountSettings } from './account-settings.ts'
import { AI_OPTIONS, type AiConfig } from './ai-settings.ts'
import type { OptionSpec } from './options.ts'
import { secret } from './secret-option.ts'

/** Every setting of a running platform. Flags, FAULTLINE_* variables and faultline.yaml share these names. */
export const CONFIG_OPTIONS = [
  {
    name: 'host',
    type: 'text',
    default: '127.0.0.1',
    value: 'address',
    about: 'address to listen on; anything but loopback needs --read-access keys',
  },
  {
    name: 'read-access',
    type: 'text',
    default: 'open',
    choices: ['open', 'keys'],
    value: 'who',
    about: 'open: whoever reaches the page reads; keys: only with a key of scope read',
  },
  ...ACCOUNT_OPTIONS,
  {
    name: 'project',
    type: 'text',
    default: 'default',
    value: 'project',
    about: 'project that pages show, and reads without a key',
  },
  {
    name: 'allowed-hosts',
    type: 'text',
    value: 'names',
    about:
      'host names beside loopback it answers under, separated by commas; * for every name, with --read-access keys',
  },
  {
    name: 'port',
    type: 'number',
    default: 3000,
    min: 0,
    max: 65535,
    about: 'API and dashboard; 0 takes a free one',
  },
  {
    name: 'clickhouse-port',
    type: 'number',
    default: 8123,
    min: 0,
    max: 65535,
    about: "ClickHouse's HTTP protocol on loopback",
  },
  {
    name: 'registry-port',
    type: 'number',
    default: 8081,
    min: 0,
    max: 65535,
    about: 'schema registry on loopback',
  },
  {
    name: 'kafka-port',
    type: 'number',
    default: 9092,
    min: 0,
    max: 65535,
    about: "Kafka's protocol on loopback, over the embedded log; 0 takes a free one",
  },
  {
    name: 'kafka',
    type: 'text',
    default: 'auto',
    choices: ['auto', 'on', 'off'],
    value: 'when',
    about:
      "whether Kafka's protocol is served; it asks for no key, so auto is off with --read-access keys",
  },
  {
    name: 'data-dir',
    type: 'text',
    default: './data',
    value: 'folder',
    about: 'where the log and the tables live',
  },
  {
    name: 'role',
    type: 'text',
    default: 'all',
    choices: ['all', 'ingest', 'processors', 'sink', 'api'],
    isList: true,
    value: 'roles',
    about:
      'which parts run in this process, separated by commas; less than all needs --kafka-brokers',
  },
  {
    name: 'partitions',
    type: 'number',
    // In one process more of them share the same core and make smaller, dearer inserts (25 against 16 µs an event).
    default: 1,
    min: 1,
    max: 64,
    about: 'partitions of the telemetry topics; may be raised later, never lowered',
  },
  {
    name: 'log-retention-days',
    type: 'number',
    default: 7,
    min: 0.01,
    about: 'how long telemetry stays in the log',
  },
  {
    name: 'retention-days',
    type: 'number',
    default: 30,
    min: 1,
    max: 3650,
    about: 'how long telemetry stays in ClickHouse',
  },
  {
    name: 'durability',
    type: 'text',
    default: 'write',
    choices: ['write', 'fsync'],
    value: 'mode',
    about: 'write survives a killed process, fsync a power cut',
  },
  {
    name: 'ingest-rate',
    type: 'number',
    default: 100_000,
    min: 1,
    value: 'events/s',
    about: 'events per second and key before 429',
  },
  {
    name: 'lag-max',
    type: 'number',
    default: 5_000_000,
    min: 1000,
    value: 'records',
    about: 'ingest answers 429 when processors are further behind',
  },
  {
    name: 'ready-lag-max',
    type: 'number',
    default: 500_000,
    min: 0,
    value: 'records',
    about: '/health/ready says no when processors are further behind',
  },
  {
    name: 'resolve-after-min',
    type: 'number',
    default: 30,
    min: 1,
    value: 'minutes',
    about: 'an incident without activity resolves itself',
  },
  {
    name: 'clickhouse-memory-mb',
    type: 'number',
    default: 700,
    min: 256,
    value: 'MB',
    about: 'memory the embedded ClickHouse may use',
  },
  {
    name: 'topology',
    type: 'text',
    value: 'file',
    about: 'services, their criticality and what they call, as JSON',
  },
  {
    name: 'notify',
    type: 'text',
    value: 'file',
    about:
      'who is told of incidents and who is on call, as YAML; in the configuration file also the section itself',
  },
  {
    name: 'public-url',
    type: 'text',
    isAddress: true,
    value: 'address',
    about: 'where people reach the pages, for links in notifications',
  },
  {
    name: 'drill-port',
    type: 'number',
    default: 0,
    min: 0,
    max: 65535,
    about: 'pages of a drill’s sandbox; 0 takes a free one',
  },
  {
    name: 'drill-url',
    type: 'text',
    isAddress: true,
    value: 'address',
    about: 'where people reach the pages of a drill, when it is not that port of the same host',
  },
  {
    name: 'kafka-brokers',
    type: 'text',
    value: 'host:port,…',
    about: 'brokers of a Kafka cluster; without them the log is embedded in this process',
  },
  {
    name: 'kafka-client',
    type: 'text',
    default: 'platformatic',
    choices: ['kafkajs', 'platformatic'],
    value: 'client',
    about: 'which client library talks to the brokers',
  },
  { name: 'kafka-tls', type: 'flag', default: false, about: 'talk to the brokers over TLS' },
  {
    name: 'kafka-ca',
    type: 'text',
    value: 'file',
    about: 'certificates the brokers are trusted by, as PEM; the system’s when not given',
  },
  {
    name: 'kafka-cert',
    type: 'text',
    value: 'file',
    about: 'certificate this process shows to the brokers, as PEM',
  },
  { name: 'kafka-cert-key', type: 'text', value: 'file', about: 'key of kafka-cert, as PEM' },
  {
    name: 'kafka-sasl',
    type: 'text',
    choices: ['plain', 'scram-sha-256', 'scram-sha-512'],
    value: 'mechanism',
    about: 'how to log in to the brokers; needs kafka-user and kafka-password',
  },
  { name: 'kafka-user', type: 'text', value: 'name', about: 'user for kafka-sasl' },
  ...secret('kafka-password', 'password for kafka-sasl'),
  {
    name: 'kafka-compression',
    type: 'text',
    default: 'none',
    choices: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    value: 'codec',
    about: 'how batches are compressed on their way to the brokers',
  },
  {
    name: 'kafka-replication-factor',
    type: 'number',
    default: -1,
    min: -1,
    max: 15,
    value: 'copies',
    about: 'copies of each partition of topics made here; -1 leaves it to the brokers',
  },
  {
    name: 'kafka-prefix',
    type: 'text',
    value: 'text',
    about: 'put before the names of topics and groups: several installations on one cluster',
  },
  {
    name: 'clickhouse-url',
    type: 'text',
    isAddress: true,
    value: 'address',
    about:
      'a ClickHouse server, http://user@host:8123/database; without it ClickHouse is embedded in a child process',
  },
  ...secret('clickhouse-password', 'password for clickhouse-url, when it is not in the address'),
  {
    name: 'clickhouse-cluster',
    type: 'text',
    value: 'name',
    about: 'name of the cluster the tables are made on, replicated; needs clickhouse-url',
  },
  {
    name: 'registry-url',
    type: 'text',
    isAddress: true,
    value: 'address',
    about: 'a schema registry with Confluent’s interface; without it one is embedded',
  },
  ...secret('registry-password', 'password for registry-url, when it is not in the address'),
  ...secret('operator-token', 'proves the operator; without it one is made in the data folder'),
  ...secret('metrics-token', 'lets a Prometheus read /metrics and nothing else'),
  ...secret('github-webhook-secret', 'the secret GitHub signs its deliveries with'),
  ...secret('sentry-webhook-secret', 'the secret of the Sentry integration that sends webhooks'),
  {
    name: 'hook-mappings',
    type: 'text',
    value: 'file',
    about: 'mappings of the generic hook by name, as YAML or JSON',
  },
  ...AI_OPTIONS,
  {
    name: 'log-level',
    type: 'text',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    value: 'level',
    about: 'what goes to stderr',
  },
] as const satisfies readonly OptionSpec[]

/** Where they are read from, for the commands that take them. */
export const CONFIG_FILE_OPTION: OptionSpec = {
  name: 'config',
  type: 'text',
  value: 'file',
  about: 'configuration file (default ./faultline.yaml where it exists)',
}

export interface Config extends AccountSettings, AiConfig {
  host: string
  readAccess: 'open' | 'keys'
  project: string
  allowedHosts: string | undefined
  port: number
  clickhousePort: number
  registryPort: number
  kafkaPort: number
  kafka: 'auto' | 'on' | 'off'
  dataDir: string
  /** As given; `rolesOf` reads it. */
  role: string
  partitions: number
  logRetentionDays: number
  retentionDays: number
  durability: 'write' | 'fsync'
  ingestRate: number
  lagMax: number
  readyLagMax: number
  resolveAfterMin: number
  clickhouseMemoryMb: number
  topology: string | undefined
  /** A path, or the section of the configuration file as JSON; `readNotify` reads it. */
  notify: string | undefined
  publicUrl: string | undefined
  drillPort: number
  drillUrl: string | undefined
  kafkaBrokers: string | undefined
  kafkaClient: 'kafkajs' | 'platformatic'
  kafkaTls: boolean
  kafkaCa: string | undefined
  kafkaCert: string | undefined
  kafkaCertKey: string | undefined
  kafkaSasl: 'plain' | 'scram-sha-256' | 'scram-sha-512' | undefined
  kafkaUser: string | undefined
  kafkaPassword: string | undefined
  kafkaCompression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  kafkaReplicationFactor: number
  kafkaPrefix: string | undefined
  clickhouseUrl: string | undefined
  clickhousePassword: string | undefined
  clickhouseCluster: string | undefined
  registryUrl: string | undefined
  registryPassword: string | undefined
  operatorToken: string | undefined
  metricsToken: string | undefined
  githubWebhookSecret: string | undefined
  sentryWebhookSecret: string | undefined
  hookMappings: string | undefined
  logLevel: 'debug' | 'info' | 'warn' | 'error'
}
