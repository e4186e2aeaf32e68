import type { Reads } from '#/schemas/reads.ts'
import type { WarningView } from '#/schemas/detector-view.ts'

export interface WarningQuery {
  project: string
  from: number
  to: number
  limit: number
}

const QUERY_MS_MAX = 5_000

/** Newest first. */
export async function warningsOf(
  reads: Pick<Reads, 'guardedSql'>,
  { project, from, to, limit }: WarningQuery,
): Promise<WarningView[]> {
  const { rows } = await reads.guardedSql({
    project,
    sql: `SELECT detection_id, toUnixTimestamp64Milli(max(at)) AS told, any(service), any(environment), any(observed), any(sentence), any(JSONExtractString(detail, 'subject')) FROM detections WHERE kind = 'warning' AND at >= fromUnixTimestamp64Milli(toInt64(${Math.trunc(from)})) AND at <= fromUnixTimestamp64Milli(toInt64(${Math.trunc(to)})) GROUP BY detection_id ORDER BY told DESC, detection_id LIMIT ${limit}`,
    rowsMax: limit,
    timeMsMax: QUERY_MS_MAX,
  })
  return rows.map(([id, at, service, environment, value, sentence, subject]) => ({
    detection_id: String(id),
    at: Number(at),
    service: String(service),
    environment: String(environment),
    // sql/<detector>, and behind it the group where there are some.
    detector: String(subject).split('/')[1] ?? '',
    value: Number(value),
    sentence: String(sentence),
  }))
}
