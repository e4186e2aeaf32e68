import type { TopicConfig } from '#/processors/log/port.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'

type Settings = Omit<TopicConfig, 'name' | 'partitions'>

const WEEK_MS = 7 * 86_400_000

/** Settings that tune a broker's files or replicas: taken without effect, as many tools always send some. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'compression.type',
  'delete.retention.ms',
  'file.delete.delay.ms',
  'flush.messages',
  'flush.ms',
  'index.interval.bytes',
  'max.compaction.lag.ms',
  'max.message.bytes',
  'message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms',
  'message.timestamp.difference.max.ms',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'min.insync.replicas',
  'preallocate',
  'segment.bytes',
  'segment.index.bytes',
  'segment.jitter.ms',
  'segment.ms',
])

/** What the log can keep of a topic's Kafka settings. Fails with INVALID_CONFIG for what it would not obey. */
export function readConfigs(configs: readonly (readonly [string, string | null])[]): Settings {
  const settings: Settings = { retentionMs: WEEK_MS, retentionBytes: Infinity, compacted: false }
  for (const [name, value] of configs) {
    if (value === null || WITHOUT_EFFECT.has(name)) continue
    if (name === 'retention.ms') settings.retentionMs = limitOf(name, value)
    else if (name === 'retention.bytes') settings.retentionBytes = limitOf(name, value)
    else if (name === 'cleanup.policy') settings.compacted = isCompacted(value)
    else if (name !== 'message.timestamp.type' || value !== 'CreateTime') throw refused(name, value)
  }
  // Kafka's compacted topics keep everything unless they are told to delete, too.
  const policy = configs.find(([name]) => name === 'cleanup.policy')?.[1] ?? ''
  if (settings.compacted && !policy.includes('delete')) settings.retentionMs = Infinity
  return settings
}

/** A topic's settings as Kafka writes them. */
export function configsOf(topic: TopicConfig): readonly (readonly [string, string])[] {
  const { retentionMs, retentionBytes, compacted } = topic
  const isDeleting = retentionMs !== Infinity || retentionBytes !== Infinity
  const policy = compacted ? (isDeleting ? 'compact,delete' : 'compact') : 'delete'
  return [
    ['cleanup.policy', policy],
    ['max.message.bytes', '16777216'],
    ['message.timestamp.type', 'CreateTime'],
    ['min.insync.replicas', '1'],
    ['retention.bytes', textOf(retentionBytes)],
    ['retention.ms', textOf(retentionMs)],
  ]
}

const textOf = (limit: number): string => (limit === Infinity ? '-1' : String(Math.floor(limit)))

function limitOf(name: string, value: string): number {
  const limit = Number(value)
  if (value.trim() === '' || !Number.isFinite(limit) || limit < -1) throw refused(name, value)
  return limit === -1 ? Infinity : limit
}

function isCompacted(value: string): boolean {
  const policies = value.split(',').map((policy) => policy.trim())
  if (policies.every((policy) => policy === 'compact' || policy === 'delete'))
    return policies.includes('compact')
  throw refused('cleanup.policy', value)
}

function refused(name: string, value: string): KafkaError {
  const detail = `${name}=${value} cannot be kept; there are retention.ms, retention.bytes and cleanup.policy`
  return new KafkaError(KAFKA.INVALID_CONFIG, detail)
}
