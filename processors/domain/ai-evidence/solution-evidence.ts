import { plainText, sqlList } from './sql-text.ts'
import type { EvidenceQuery } from './evidence-plan.ts'

const FACTS_MAX = 4

/** What people concluded about similar incidents: solution cards that stand confirmed, as facts. */
export function solutionEvidence(incidentIds: readonly string[]): readonly EvidenceQuery[] {
  if (incidentIds.length === 0) return []
  const card = "JSONExtractString(payload, 'id')"
  return [
    {
      kind: 'solution',
      factsMax: FACTS_MAX,
      sql: `SELECT a.incident_id AS incident, ${card} AS card, argMaxIf(JSONExtractString(payload, 'title'), seq, kind IN ('card_create', 'card_edit') AND JSONHas(payload, 'title')) AS title, argMaxIf(kind, seq, kind IN ('card_confirm', 'converge', 'card_invalidate', 'card_revalidate')) AS last FROM actions AS a WHERE a.incident_id IN ${sqlList(incidentIds)} AND kind IN ('card_create', 'card_edit', 'card_confirm', 'converge', 'card_invalidate', 'card_revalidate') GROUP BY incident, card HAVING last IN ('card_confirm', 'converge') AND countIf(kind = 'card_create' AND JSONExtractString(payload, 'kind') = 'solution') > 0 ORDER BY incident, card LIMIT ${FACTS_MAX}`,
      keyOf: ([incident, id]) => `${plainText(String(incident))} ${plainText(String(id))}`,
      sentenceOf: ([, , title]) =>
        `People confirmed as the solution of a similar incident: "${plainText(String(title))}".`,
    },
  ]
}
