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
import type { ConfigEntry } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { openConfigTopic, type ConfigTopic, type ConfigTopicDeps } from './config-topic.ts'
import { createTurns, forgetClaim, lostTooOften, TRIES_MAX, untilSettled } from './first-come.ts'

export type DecisionWish = Omit<GroupingDecision, 'id' | 'revision' | 'at' | 'project'>

/** What to decide, from what was decided so far; asked again when another decision came first. */
export type MakeDecision = (history: readonly GroupingDecision[]) => DecisionWish

/** Decisions about groups: writes them, and knows all that were made. */
export interface GroupingDesk {
  /**
   * Durable, and on its way to the processors, when it resolves. One at a time, over all processes that share the log:
   * fails with `conflict` when others came first again and again.
   */
  decide(project: string, make: MakeDecision): Promise<GroupingDecision>
  /** Oldest first. */
  history(project: string): readonly GroupingDecision[]
  /** As they stand now. */
  bookOf(project: string): DecisionBook
  close(): Promise<void>
}

/** Decisions of a project that are kept; each is a small record for ever. */
const DECISIONS_MAX = 5_000

export async function openGroupingDesk(deps: ConfigTopicDeps): Promise<GroupingDesk> {
  const placed = new Map<string, Known>()
  const topic = await openConfigTopic(deps, (entry, offset) => applyEntry(placed, entry, offset))
  const parts = { deps, topic, placed }
  // Decided before a crash and not yet among the events. A second record of one decision changes nothing.
  for (const decision of unplacedOf(placed)) await place(parts, decision)
  const history = (project: string): GroupingDecision[] => historyOf(placed, project)
  const inTurn = createTurns()
  return {
    decide: (project, make) => inTurn(() => decide(parts, project, make)),
    history,
    bookOf(project) {
      const book = createDecisionBook()
      for (const decision of history(project)) book.apply(decision)
      return book
    },
    close: () => topic.close(),
  }
}

interface Known extends PlacedDecision {
  /** Where the first entry of this revision lies: that one holds. */
  offset: number | null
}

interface DeskParts {
  deps: ConfigTopicDeps
  topic: ConfigTopic
  placed: Map<string, Known>
}

/** Of several with one revision the first holds, whoever wrote it; its places come with an entry behind it. */
function applyEntry(placed: Map<string, Known>, entry: ConfigEntry, offset: number | null): void {
  const found = readPlaced(entry)
  if (found === undefined) return
  const name = nameOf(found.decision)
  const known = placed.get(name)
  if (known === undefined) placed.set(name, { ...found, offset })
  else if (known.offsets.length === 0 && found.offsets.length > 0)
    placed.set(name, { ...found, offset: known.offset })
}

const nameOf = ({ project, id }: GroupingDecision): string => `${project}/${id}`

function historyOf(placed: ReadonlyMap<string, Known>, project: string): GroupingDecision[] {
  return [...placed.values()]
    .map(({ decision }) => decision)
    .filter((decision) => decision.project === project)
    .toSorted((left, right) => left.revision - right.revision)
}

function unplacedOf(placed: ReadonlyMap<string, Known>, project?: string): GroupingDecision[] {
  return [...placed.values()]
    .filter(({ offsets }) => offsets.length === 0)
    .map(({ decision }) => decision)
    .filter((decision) => project === undefined || decision.project === project)
    .toSorted((left, right) => left.revision - right.revision)
}

/**
 * A decision is made by the place its entry has in the log: whoever finds that another process wrote the same revision
 * before looks at what was decided there and decides anew.
 */
async function decide(
  parts: DeskParts,
  project: string,
  make: MakeDecision,
): Promise<GroupingDecision> {
  const { deps, topic, placed } = parts
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    await placeEarlier(parts, project)
    const made = historyOf(placed, project)
    if (made.length >= DECISIONS_MAX) throw tooMany()
    const revision = (made.at(-1)?.revision ?? 0) + 1
    const decision: GroupingDecision = {
      ...make(made),
      project,
      id: `g${revision}`,
      revision,
      at: deps.clock.nowMs(),
    }
    const claim = await topic.claim(entryOfDecision(decision, { decision, offsets: [] }))
    const isFirst = placed.get(nameOf(decision))?.offset === claim.offset
    if (isFirst) await place(parts, decision)
    await forgetClaim(deps, topic, claim)
    if (isFirst) return decision
  }
  throw lostTooOften('decided about these groups')
}

/**
 * Among the events revisions stand in their order, or the processors would pass over the lower one. What another
 * process decided it puts there itself; when it does not, because it died, we do.
 */
async function placeEarlier(parts: DeskParts, project: string): Promise<void> {
  const { deps, placed } = parts
  await untilSettled(deps.clock, () => unplacedOf(placed, project).length === 0)
  for (const decision of unplacedOf(placed, project)) await place(parts, decision)
}

async function place({ deps, topic }: DeskParts, decision: GroupingDecision): Promise<void> {
  const offsets = await putAmongEvents(deps, decision)
  await topic.write([entryOfDecision(decision, { decision, offsets })])
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
