import type { Clock } from '#/kernel/clock.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { Random } from '#/kernel/random.ts'

/** Which library carries the bytes to the brokers; the requests are the same. */
export type KafkaClient = 'kafkajs' | 'platformatic'

export const KAFKA_CLIENTS: readonly KafkaClient[] = ['kafkajs', 'platformatic']

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export type SaslMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512'

export interface SaslOptions {
  mechanism: SaslMechanism
  username: string
  password: string
}

/** Contents of PEM files, not their paths. */
export interface TlsOptions {
  /** Certificates to trust; the system's when absent. */
  ca?: string
  cert?: string
  key?: string
  /** Only for trials: false accepts any certificate. */
  rejectUnauthorized?: boolean
}

export interface KafkaLogOptions {
  /** `host:port` of some brokers; the others are learnt from them. */
  brokers: readonly string[]
  client: KafkaClient
  /** Name of this process in the broker's logs and quotas. */
  clientId: string
  tls?: TlsOptions | undefined
  sasl?: SaslOptions | undefined
  /** Of what this process writes; it reads all of them. */
  compression?: Compression
  /** Of topics it creates; -1 leaves it to the broker. */
  replicationFactor?: number
  /** A member that is silent for so long loses its partitions. */
  sessionTimeoutMs?: number
  heartbeatMs?: number
  /** How long a member may drain its partitions before it is fenced. */
  drainMsMax?: number
  /** How long work waits for a broker that is away before it fails with `log_unavailable`. */
  deliveryMsMax?: number
  /** Bytes of appends that may wait; more is `overloaded`. */
  pendingBytesMax?: number
  /** How often partition counts and leaders are read again. */
  metadataMaxAgeMs?: number
  /** Put before the names of topics, groups and transactions: several installations on one cluster. */
  prefix?: string
  /** Only for a negative control: false leaves out what keeps a former owner from committing. */
  fencing?: boolean
  clock: Clock
  random: Random
  metrics?: Metrics | undefined
  /** What went wrong without failing a call: a member's callback, a lost broker. */
  onProblem?: (error: unknown) => void
}
