import type { ClickHouse } from '#/clickhouse/client.ts'
import { cardLine, foldKnowledge, KNOWLEDGE_KINDS } from '#/schemas/knowledge.ts'
import type { IncidentKnowledge, KnowledgeAction, KnownSolution } from '#/schemas/knowledge.ts'
import { rankByBm25, wordTokens } from './bm25.ts'

/** Incidents whose cards are read at once; the last changed ones. */
const INCIDENTS_MAX = 2_000
const ACTIONS_MAX = 100_000
const JUDGED_MAX = 3

interface Row extends Omit<KnowledgeAction, 'at'> {
  at_ms: string
}

const NOTHING: IncidentKnowledge = { worked: [], failed: [], useful: 0, wrong: 0 }

/** What people found out about these incidents; all that anybody wrote cards on when none are named. */
export async function knowledgeOf(
  clickhouse: ClickHouse,
  { project, incidents }: { project: string; incidents?: readonly string[] },
): Promise<ReadonlyMap<string, IncidentKnowledge>> {
  if (incidents?.length === 0) return new Map()
  const named = incidents === undefined ? '' : ' AND incident_id IN {incidents:Array(String)}'
  const rows = await clickhouse.query<Row>(
    `SELECT incident_id, seq, kind, actor, toUnixTimestamp64Milli(at) AS at_ms, payload FROM actions
     WHERE project = {project:String} AND kind IN {kinds:Array(String)}${named}
     ORDER BY incident_id, seq, at_ms LIMIT 1 BY incident_id, command_id LIMIT ${ACTIONS_MAX}`,
    { params: { project, kinds: KNOWLEDGE_KINDS, incidents: incidents ?? [] } },
  )
  const byIncident = Map.groupBy(rows, (row) => row.incident_id)
  return new Map(
    [...byIncident].map(([id, all]) => [
      id,
      foldKnowledge(all.map(({ at_ms, ...action }) => ({ ...action, at: Number(at_ms) }))),
    ]),
  )
}

/** How much judgements of people raise or lower a solution: at most by three of them. */
export function judgedWeight({
  useful,
  wrong,
}: Pick<IncidentKnowledge, 'useful' | 'wrong'>): number {
  const balance = Math.max(-JUDGED_MAX, Math.min(JUDGED_MAX, useful - wrong))
  return 1 + balance / 10
}

/** Confirmed solutions, those that fit the words first; the newest when there are none. */
export async function knownSolutions(
  clickhouse: ClickHouse,
  query: { project: string; text: string; limit: number },
): Promise<readonly KnownSolution[]> {
  const { project, text, limit } = query
  const known = await knowledgeOf(clickhouse, { project })
  const ids = [...known].filter(([, { worked }]) => worked.length > 0).map(([id]) => id)
  if (ids.length === 0) return []
  const rows = await clickhouse.query<{
    id: string
    number: number
    title: string
    services: string[]
    resolved_ms: string | null
  }>(
    `SELECT incident_id AS id, number, title, arrayMap(s -> toString(s), services) AS services, toUnixTimestamp64Milli(resolved_at) AS resolved_ms
     FROM incidents FINAL WHERE project = {project:String} AND incident_id IN {ids:Array(String)} ORDER BY updated_at DESC LIMIT ${INCIDENTS_MAX}`,
    { params: { project, ids } },
  )
  const all = rows.flatMap((row) => {
    const { worked, failed, useful, wrong } = known.get(row.id) ?? NOTHING
    return worked.map((card): KnownSolution => ({
      incident_id: row.id,
      number: row.number,
      incident_title: row.title,
      services: row.services,
      resolved_at: row.resolved_ms === null ? null : Number(row.resolved_ms),
      title: card.title,
      text: card.text,
      failed: failed.map(cardLine),
      useful,
      wrong,
      confirmed_at: card.at,
    }))
  })
  return rankSolutions(all, text).slice(0, limit)
}

export function rankSolutions(all: readonly KnownSolution[], text: string): KnownSolution[] {
  const words = wordTokens(text)
  const newest = all.toSorted((left, right) => right.confirmed_at - left.confirmed_at)
  if (words.length === 0) return newest
  const documents = newest.map((item) => ({
    item,
    tokens: [item.title, item.text, item.incident_title, ...item.services, ...item.failed].flatMap(
      (one) => wordTokens(one),
    ),
  }))
  return rankByBm25(words, documents)
    .toSorted((a, b) => b.score * judgedWeight(b.item) - a.score * judgedWeight(a.item))
    .map(({ item }) => item)
}
