/** What a drill must leave as it was, and a report counted again from two logs, in another way than the product's. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { RunningPlatform } from './platform.ts'

/** Topics in which nothing appears by itself. */
const STILL = ['config', 'audit', 'deadLetters', 'late', 'aliases', 'deliveries', 'aiJobs'] as const

/** Names, counts and hashes of the live platform, without what its own clock moves: ticks, and what follows from them. */
export async function liveFacts(platform: RunningPlatform): Promise<Record<string, unknown>> {
  const log = join(platform.dataDir, 'log')
  const bytesOf = (topic: string): string => {
    const hash = createHash('sha256')
    const folder = join(log, topic)
    // Made with its first record.
    if (!existsSync(folder)) return 'empty'
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted())
      if (statSync(join(folder, name)).isFile()) hash.update(readFileSync(join(folder, name)))
    return hash.digest('hex')
  }
  return {
    drillTopics: readdirSync(log).filter((name) => name.includes('drill')),
    still: Object.fromEntries(STILL.map((key) => [key, bytesOf(TOPICS[key].name)])),
    signals: await signalsOf(platform),
    tables: await Promise.all(
      [
        'count() AS rows, sum(cityHash64(*)) AS hash FROM events',
        "count() AS rows, sum(cityHash64(*)) AS hash FROM actions WHERE role != 'system'",
        'count() AS rows, sum(cityHash64(incident_id)) AS hash FROM incidents',
      ].map((what) => platform.clickhouse(`SELECT ${what}`)),
    ),
  }
}

/** Records of the raw topic that are no ticks: each tick is one record of both topics, written in one step. */
async function signalsOf({ kafka }: RunningPlatform): Promise<number> {
  const admin = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const endOf = async (topic: string): Promise<number> =>
    Number((await admin.fetchTopicOffsets(topic))[0]?.high)
  try {
    // The clock's end is asked first and last, so that a tick in between is noticed.
    for (;;) {
      const ticks = await endOf(TOPICS.clock.name)
      const records = await endOf(TOPICS.raw.name)
      if ((await endOf(TOPICS.clock.name)) === ticks) return records - ticks
    }
  } finally {
    await admin.disconnect()
  }
}

export interface Recount {
  acknowledged: number | null
  note: number | null
  cause: number | null
  changes: number
  cards: readonly string[]
}

/** Since it began, by the clock of its log. */
export function recount(history: readonly RoomEvent[], began: number, cause: string): Recount {
  const people = history.filter(({ actor }) => actor.id !== 'engine')
  const first = (test: (event: RoomEvent) => boolean): number | null => {
    const found = people.find((event) => test(event))
    return found === undefined ? null : found.ts - began
  }
  const cards = people.filter(({ kind }) => kind === 'card_create')
  return {
    acknowledged: first(({ kind }) => kind === 'join'),
    note: first(({ kind }) => kind === 'note'),
    cause: first(({ payload }) => JSON.stringify(payload).includes(cause)),
    changes: people.length,
    cards: cards.map(({ payload }) => JSON.stringify(payload['title']).slice(1, -1)),
  }
}
