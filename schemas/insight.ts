/**
 * What stands behind a summary: `Insight.detail` as JSON. Each sentence names the facts it rests on, each fact the
 * query that gave it, when it was asked and a hash of the answer, so that it can be asked again.
 */
export interface EvidenceFact {
  /** E1 to E40. */
  id: string
  kind: string
  text: string
  /** Runs as it is on the SQL page; the project is bound by the guard. */
  sql: string
  /** Names the row within the answer of the query. */
  key: string
  /** When it was asked, ms. */
  as_of: number
  /** SHA-256 of the row, its first 16 hex digits. */
  hash: string
}

export type SentenceList = 'title' | 'impact' | 'likely_causes' | 'next_steps'

export interface InsightSentence {
  list: SentenceList
  text: string
  /** Ids of facts. */
  evidence: readonly string[]
  origin: 'model' | 'rules'
}

export interface InsightDetail {
  job_id: string
  sentences: readonly InsightSentence[]
  facts: readonly EvidenceFact[]
  /** Why rules wrote it although a model was asked; empty otherwise. */
  reason: string
  /** Sentences of the model that were left out, because they cite nothing that exists or name numbers nobody counted. */
  dropped: number
  latency_ms: number
}

/** A fact asked again. */
export interface FactCheck {
  id: string
  /** `gone`: the row is no longer in the answer. */
  state: 'same' | 'changed' | 'gone' | 'failed'
  text: string
  hash: string
}

export interface RerunView {
  as_of: number
  facts: readonly FactCheck[]
  /** Sentences with whether a fact they rest on is no longer the same. */
  sentences: readonly (InsightSentence & { changed: boolean })[]
}
