import { createHash } from 'node:crypto'
import { evidencePlan, type EvidenceQuery } from '#/processors/domain/ai-evidence/evidence-plan.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { EvidenceFact, FactCheck } from '#/schemas/insight.ts'
import type { Reads } from '#/schemas/reads.ts'
import { messageOf } from '#/kernel/errors.ts'

/** All that evidence needs of the store: the guarded SQL everybody has, so that no fact can be of another project. */
export type SqlReads = Pick<Reads, 'guardedSql'>

export const FACTS_MAX = 40
const ROWS_MAX = 20
const TIME_MS_MAX = 10_000

export interface EvidencePack {
  facts: readonly EvidenceFact[]
  /** Queries that failed, with why: what they would have said is missing, not wrong. */
  problems: readonly string[]
}

type Row = readonly unknown[]

async function rowsOf(reads: SqlReads, project: string, sql: string): Promise<readonly Row[]> {
  const { rows } = await reads.guardedSql({
    project,
    sql,
    rowsMax: ROWS_MAX,
    timeMsMax: TIME_MS_MAX,
  })
  return rows
}

/** The same rows have the same hash. */
export function hashOf(rows: unknown): string {
  return createHash('sha256').update(JSON.stringify(rows)).digest('hex').slice(0, 16)
}

/** Asks everything about an incident up to `windowEnd`; `more` are queries of others, such as known solutions. */
export async function collectEvidence(
  reads: SqlReads,
  incident: Incident,
  options: { windowEnd: number; asOf: number; more?: readonly EvidenceQuery[] },
): Promise<EvidencePack> {
  const facts: EvidenceFact[] = []
  const problems: string[] = []
  const queries = [...evidencePlan(incident, options.windowEnd), ...(options.more ?? [])]
  const answers = await Promise.all(
    queries.map(({ kind, sql }) =>
      rowsOf(reads, incident.project, sql).catch((error: unknown) => {
        problems.push(`${kind}: ${messageOf(error)}`)
        return []
      }),
    ),
  )
  for (const [at, query] of queries.entries()) {
    const rows = answers[at] ?? []
    for (const row of rows.slice(0, query.factsMax)) {
      const text = query.sentenceOf(row)
      if (text === undefined || facts.length >= FACTS_MAX) continue
      const id = `E${facts.length + 1}`
      const { kind, sql } = query
      facts.push({
        id,
        kind,
        text,
        sql,
        key: query.keyOf(row),
        as_of: options.asOf,
        hash: hashOf(row),
      })
    }
  }
  return { facts, problems }
}

/** Asks the queries of these facts again, each once, and compares row by row. */
export async function recheckFacts(
  reads: SqlReads,
  incident: Incident,
  given: { facts: readonly EvidenceFact[]; more?: readonly EvidenceQuery[] },
): Promise<readonly FactCheck[]> {
  const checks = new Map<string, FactCheck>()
  // The words of a row are the plan's; which plan it was is told by the kind alone.
  const shapes = [...evidencePlan(incident, 0), ...(given.more ?? [])]
  for (const [sql, facts] of Map.groupBy(given.facts, (fact) => fact.sql)) {
    const shape = shapes.find(({ kind }) => kind === facts[0]?.kind)
    const rows = await rowsOf(reads, incident.project, sql).catch(() => undefined)
    for (const fact of facts) checks.set(fact.id, checkOf(fact, rows, shape))
  }
  return given.facts.flatMap(({ id }) => checks.get(id) ?? [])
}

function checkOf(
  fact: EvidenceFact,
  rows: readonly Row[] | undefined,
  shape: EvidenceQuery | undefined,
): FactCheck {
  const { id, text, hash } = fact
  if (rows === undefined || shape === undefined) return { id, state: 'failed', text, hash }
  const row = rows.find((one) => shape.keyOf(one) === fact.key)
  if (row === undefined) return { id, state: 'gone', text, hash }
  const now = hashOf(row)
  if (now === hash) return { id, state: 'same', text, hash }
  return { id, state: 'changed', text: shape.sentenceOf(row) ?? text, hash: now }
}
