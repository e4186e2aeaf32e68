/** What the assistant answers: what it understood, what it ran, and what came of it. */
export interface AskView {
  question: string
  /** rules: a common question, no model; model: the query was written by one; nobody: no answer. */
  by: 'rules' | 'model' | 'nobody'
  /** Which common question it was; empty otherwise. */
  kind: string
  /** One sentence; empty when there is none. */
  answer: string
  /** Runs as it is on the SQL page. Empty when nothing was run. */
  sql: string
  columns: readonly { name: string; type: string }[]
  rows: readonly (readonly unknown[])[]
  truncated: boolean
  rows_read: number
  elapsed_ms: number
  /** The time asked about; null where the query says it itself. */
  from: number | null
  to: number | null
  chart: { kind: 'time' | 'bars'; label: string; value: string } | null
  as_of: number
  /** Of the rows: the same answer has the same hash. */
  hash: string
  /** The model that wrote the query; empty when none did. */
  model: string
  /** Why there is no answer. */
  reason: string
  /** Whether a model could be asked. */
  model_available: boolean
  /** Questions that are understood, where this one was not. */
  examples: readonly string[]
}

/** Something worth looking at that nobody asked about. */
export interface SuggestionView {
  /** Stable: the same suggestion has the same id. */
  id: string
  incident_id: string
  number: number
  at: number
  kind: 'past_solution' | 'deploy'
  text: string
  /** What was tried in the past and did not help. */
  failed: readonly string[]
}

export interface SuggestionsView {
  items: readonly SuggestionView[]
  /** Held back, because one in five minutes is enough unless somebody asks. */
  held_back: number
  /** Nothing is suggested until then; null when it is not muted. */
  muted_until: number | null
}

/** How the AI part is. */
export interface AiHealthView {
  /** off: no model is configured. */
  status: 'off' | 'ok' | 'paused'
  model: string
  prompt_version: string
  breaker: BreakerView
  jobs: { pending: number; leased: number; completed: number; failed: number }
  /** Nobody asks before that, because the endpoint said so; null otherwise. */
  quiet_until: number | null
}

export interface BreakerView {
  state: 'closed' | 'open' | 'half-open'
  /** Failures of the last minute. */
  failures: number
  opened_at: number | null
  /** When a probe may be sent. */
  probe_at: number | null
  openings: number
  reset_at: number | null
}

/** What models cost a project today (UTC). */
export interface AiMetricsView {
  calls: number
  tokens: number
  cost_dollars: number
  reserved_tokens: number
  answers: number
  fallbacks: number
  /** Share of summaries that rules had to write; null without any. */
  fallback_ratio: number | null
  budget: { tokens: number; cost_dollars: number }
  /** True when the budget allows no further call today. */
  stopped: boolean
}

export interface SummarizeView {
  job_id: string
  status: string
  /** True when a job that waits already will do. */
  coalesced: boolean
  not_before: number
}
