import type { Log } from '#/processors/log/port.ts'
import type { TopicPartition } from '#/processors/log/port.ts'
import { TOPICS } from '#/schemas/topics.ts'

/** What live streams are made of. */
type SourceKind = 'event' | 'incident' | 'insight'

export interface Source extends TopicPartition {
  kind: SourceKind
}

/** The next offset to read of every source, in the order of the sources. */
export type Positions = readonly number[]

/** Every partition live streams read, in an order that any instance of the API agrees on. */
export async function liveSources(log: Log): Promise<readonly Source[]> {
  const topics = await log.topics()
  const partitionsOf = (name: string): number =>
    topics.find((topic) => topic.name === name)?.partitions ?? 0
  return [
    ...sourcesOf('event', TOPICS.fingerprinted.name, partitionsOf(TOPICS.fingerprinted.name)),
    ...sourcesOf('incident', TOPICS.lifecycle.name, partitionsOf(TOPICS.lifecycle.name)),
    ...sourcesOf('insight', TOPICS.insights.name, partitionsOf(TOPICS.insights.name)),
  ]
}

function sourcesOf(kind: SourceKind, topic: string, count: number): Source[] {
  return Array.from({ length: count }, (_, partition) => ({ kind, topic, partition }))
}

/** Positions as the id of a message: offsets in base 36, so that a client that comes back says exactly what it has. */
export function encodePositions(positions: Positions): string {
  return positions.map((offset) => offset.toString(36)).join('.')
}

/** Undefined when the text is not of as many sources, which also a changed number of partitions causes. */
export function decodePositions(text: string, count: number): Positions | undefined {
  if (!/^[0-9a-z]{1,11}(\.[0-9a-z]{1,11})*$/.test(text)) return undefined
  const positions = text.split('.').map((part) => Number.parseInt(part, 36))
  return positions.length === count ? positions : undefined
}

/** Records between two positions; negative parts (the client is ahead of us) count as none. */
export function distance(from: Positions, to: Positions): number {
  return to.reduce((sum, offset, source) => sum + Math.max(0, offset - (from[source] ?? 0)), 0)
}
