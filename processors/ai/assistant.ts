import { FaultlineError, isFaultlineError } from '#/kernel/errors.ts'
import { sayAnswer } from '#/processors/domain/ai-ask/answers.ts'
import { ASK_SCHEMA, ASK_TOKENS_MAX, askPrompt } from '#/processors/domain/ai-ask/free.ts'
import { EXAMPLES, interpret, type Interpretation } from '#/processors/domain/ai-ask/interpret.ts'
import { QUESTION_CHARS_MAX } from '#/processors/domain/ai-ask/question.ts'
import { misfit, parseAnswer } from '#/processors/domain/ai-evidence/json-schema.ts'
import { plainText } from '#/processors/domain/ai-evidence/sql-text.ts'
import type { AskView } from '#/schemas/ask.ts'
import type { SqlView } from '#/schemas/view.ts'
import { callModel, type CallParts } from './calls.ts'
import { hashOf, type SqlReads } from './evidence.ts'

export interface AskRequest {
  project: string
  question: string
  /** Whether a model may be asked where the rules do not understand the question. */
  useModel: boolean
  nowMs: number
}

export interface Assistant {
  ask(request: AskRequest): Promise<AskView>
}

const ROWS_MAX = 200
const TIME_MS_MAX = 10_000
const SERVICES_FRESH_MS = 30_000
const PROJECTS_MAX = 200
/** A query that is refused may be written once more. */
const TRIES_MAX = 2

/** Answers from the project's own tables, read-only and through the guard, whoever wrote the query. */
export function createAssistant(reads: SqlReads, calls: CallParts | undefined): Assistant {
  const services = createServiceNames(reads)
  const run = (project: string, sql: string): Promise<SqlView> =>
    reads.guardedSql({ project, sql, rowsMax: ROWS_MAX, timeMsMax: TIME_MS_MAX })
  const base = ({ question, nowMs }: AskRequest): AskView => ({
    question: question.slice(0, QUESTION_CHARS_MAX),
    by: 'nobody',
    kind: '',
    answer: '',
    sql: '',
    columns: [],
    rows: [],
    truncated: false,
    rows_read: 0,
    elapsed_ms: 0,
    from: null,
    to: null,
    chart: null,
    as_of: nowMs,
    hash: '',
    model: '',
    reason: '',
    model_available: calls !== undefined,
    examples: [],
  })
  return {
    async ask(request) {
      const { project, question, useModel, nowMs } = request
      const names = await services(project, nowMs)
      const read = interpret(question, { nowMs, services: names })
      if (read !== undefined) {
        const view = await run(project, read.query.sql)
        return { ...base(request), ...viewOf(view), ...typed(read, view), sql: read.query.sql }
      }
      if (calls === undefined || !useModel)
        return {
          ...base(request),
          reason:
            calls === undefined
              ? 'This is none of the common questions, and no language model is configured for others.'
              : 'This is none of the common questions; the language model can try to answer it.',
          examples: Object.values(EXAMPLES),
        }
      const free = await askFreely({ calls, run }, request, names)
      return { ...base(request), ...free }
    },
  }
}

function typed({ kind, slots, query }: Interpretation, view: SqlView): Partial<AskView> {
  const table = { columns: view.columns.map(({ name }) => name), rows: view.rows }
  const { from, to, chart = null } = query
  return { by: 'rules', kind, answer: sayAnswer(kind, table, slots), from, to, chart }
}

function viewOf(view: SqlView): Partial<AskView> {
  const { columns, rows, truncated, rows_read, elapsed_ms } = view
  return { columns, rows, truncated, rows_read, elapsed_ms, hash: hashOf(rows) }
}

async function askFreely(
  { calls, run }: { calls: CallParts; run: (project: string, sql: string) => Promise<SqlView> },
  { project, question, nowMs }: AskRequest,
  services: readonly string[],
): Promise<Partial<AskView>> {
  let complaint = ''
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    const answer = await callModel(calls, {
      project,
      kind: 'ask',
      incidentId: '',
      request: {
        ...askPrompt(question.slice(0, QUESTION_CHARS_MAX), { nowMs, services, complaint }),
        schema: { name: 'query', schema: { ...ASK_SCHEMA } },
        tokensMax: ASK_TOKENS_MAX,
      },
    })
    const read = readFree(answer.text)
    if (typeof read === 'string') {
      complaint = read
      continue
    }
    try {
      const view = await run(project, read.sql)
      return {
        ...viewOf(view),
        by: 'model',
        sql: read.sql,
        answer: read.explanation,
        model: answer.model,
      }
    } catch (error) {
      if (!isRefusal(error)) throw error
      complaint = plainText(error.message, 200)
    }
  }
  return {
    by: 'nobody',
    reason: `The model wrote no query that may run: ${complaint}`,
    examples: Object.values(EXAMPLES),
  }
}

function isRefusal(error: unknown): error is FaultlineError {
  return (
    isFaultlineError(error, 'invalid_sql') ||
    isFaultlineError(error, 'query_too_heavy') ||
    isFaultlineError(error, 'query_timeout')
  )
}

/** The query and what it counts, or what is wrong with the answer. */
function readFree(text: string): { sql: string; explanation: string } | string {
  const value = parseAnswer(text)
  if (value === undefined) return 'the answer is not JSON'
  const wrong = misfit(value, ASK_SCHEMA)
  if (wrong !== undefined) return wrong
  const { sql, explanation } = value as { sql: string; explanation: string }
  return { sql: sql.replace(/;\s*$/, ''), explanation: plainText(explanation, 400) }
}

/** Names of services by project, asked for twice a minute at most. */
function createServiceNames(reads: SqlReads) {
  const known = new Map<string, { at: number; names: readonly string[] }>()
  return async (project: string, nowMs: number): Promise<readonly string[]> => {
    const found = known.get(project)
    if (found !== undefined && nowMs - found.at < SERVICES_FRESH_MS) return found.names
    const { rows } = await reads.guardedSql({
      project,
      sql: 'SELECT toString(service) AS name FROM events_1m WHERE bucket > now() - INTERVAL 7 DAY GROUP BY name ORDER BY sum(events) DESC, name LIMIT 2000',
      rowsMax: 2_000,
      timeMsMax: TIME_MS_MAX,
    })
    const names = rows.map(([name]) => String(name))
    known.delete(project)
    known.set(project, { at: nowMs, names })
    const oldest = known.keys().next()
    if (known.size > PROJECTS_MAX && oldest.done === false) known.delete(oldest.value)
    return names
  }
}
