import { FaultlineError } from '#/kernel/errors.ts'
import {
  entryOfDecision,
  readPlaced,
  type PlacedDecision,
} from '#/processors/domain/grouping/decision-entry.ts'
import {
  createDecisionBook,
  type DecisionBook,
  type GroupingDecision,
} from '#/processors/domain/grouping/decisions.ts'
import { encode } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { openConfigTopic, type ConfigTopicDeps } from './config-topic.ts'

export type DecisionWish = Omit<GroupingDecision, 'id' | 'revision' | 'at'>

/** Decisions about groups: writes them, and knows all that were made. */
export interface GroupingDesk {
  /** Durable, and on its way to the processors, when it resolves. One at a time. */
  decide(wish: DecisionWish): Promise<GroupingDecision>
  /** Oldest first. */
  history(project: string): readonly GroupingDecision[]
  /** As they stand now. */
  bookOf(project: string): DecisionBook
  close(): Promise<void>
}

/** Decisions of a project that are kept; each is a small record for ever. */
const DECISIONS_MAX = 5_000

export async function openGroupingDesk(deps: ConfigTopicDeps): Promise<GroupingDesk> {
  const { clock } = deps
  const placed = new Map<string, PlacedDecision>()
  const topic = await openConfigTopic(deps, (entry) => {
    const found = readPlaced(entry)
    if (found === undefined) return
    const known = placed.get(entry.id)
    // The entry before the decision was placed may come again behind the one that says where.
    if (known === undefined || known.offsets.length === 0) placed.set(entry.id, found)
  })
  const history = (project: string): GroupingDecision[] =>
    [...placed.values()]
      .map(({ decision }) => decision)
      .filter((decision) => decision.project === project)
      .toSorted((left, right) => left.revision - right.revision)

  const place = async (decision: GroupingDecision): Promise<void> => {
    const offsets = await putAmongEvents(deps, decision)
    await topic.write([entryOfDecision(decision, { decision, offsets })])
  }
  // Decided before a crash and not yet among the events. A second record of one decision changes nothing.
  const pending = [...placed.values()].filter(({ offsets }) => offsets.length === 0)
  for (const { decision } of pending.toSorted((a, b) => a.decision.revision - b.decision.revision))
    await place(decision)

  let last: Promise<unknown> = Promise.resolve()
  return {
    decide(wish) {
      const work = last.then(async () => {
        const made = history(wish.project)
        if (made.length >= DECISIONS_MAX) throw tooMany()
        const revision = (made.at(-1)?.revision ?? 0) + 1
        const decision = { ...wish, id: `g${revision}`, revision, at: clock.nowMs() }
        await topic.write([entryOfDecision(decision, { decision, offsets: [] })])
        await place(decision)
        return decision
      })
      // The next one waits for this one, and does not fail with it.
      last = work.catch(() => undefined)
      return work
    },
    history,
    bookOf(project) {
      const book = createDecisionBook()
      for (const decision of history(project)) book.apply(decision)
      return book
    },
    close: () => topic.close(),
  }
}

/** One record on every partition of the raw topic: from there on the decision holds. */
async function putAmongEvents(
  { log, schemaIds }: ConfigTopicDeps,
  decision: GroupingDecision,
): Promise<number[]> {
  const topic = TOPICS.raw.name
  const raw = (await log.topics()).find(({ name }) => name === topic)
  if (raw === undefined) throw new FaultlineError('unknown_topic', `There is no topic ${topic}.`)
  const record = {
    key: Buffer.from(`grouping/${decision.project}`),
    value: encode('ConfigEntry', schemaIds.ConfigEntry, entryOfDecision(decision, decision)),
    timestampMs: decision.at,
  }
  const results = await log.append(
    Array.from({ length: raw.partitions }, (_, partition) => ({
      topic,
      partition,
      records: [record],
    })),
  )
  const offsets = Array.from({ length: raw.partitions }, () => 0)
  for (const { partition, baseOffset } of results) offsets[partition] = baseOffset
  return offsets
}

function tooMany(): FaultlineError {
  return new FaultlineError(
    'conflict',
    `A project keeps at most ${DECISIONS_MAX} decisions about its groups.`,
    { remedy: 'Write a fingerprint rule instead of many merges.' },
  )
}
