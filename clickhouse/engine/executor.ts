import type { Clock } from '#/kernel/clock.ts'
import type { Statement } from './body.ts'
import { engineError, EngineError } from './engine-error.ts'
import type { Lane } from './lane.ts'
import type { LaneName } from './engine-config.ts'
import { failedWritesOf } from './failed-writes.ts'
import { SESSION_MARK } from './session.ts'
import type { EngineSession, Work, WorkResult } from './session.ts'
import type { Spool } from './spool.ts'
import type { WriteWatch } from './write-watch.ts'
import { placeholdersOf, withInfile, withOutfile } from './statement-shape.ts'

export interface ExecutorDeps {
  lanes: Readonly<Record<LaneName, Lane>>
  spool: Spool
  clock: Clock
  /** A query ignored its kill for `stuckMsMax`; nothing in the process can free its session. */
  onStuck(session: string): void
  stuckMsMax: number
  /** Whether what was written is really there. */
  watch: WriteWatch
}

interface Execution {
  statement: Statement
  database: string
  defaultFormat: string
  settings: Readonly<Record<string, string>>
  params: Readonly<Record<string, string>>
  /** Runs on a session that cannot write. */
  restricted: boolean
  /** The client is gone: queries are killed, writes are finished. */
  signal: AbortSignal
}

export interface Answer {
  /** The result's file, or bytes for the few statements whose output cannot go to one. */
  file: string | undefined
  bytes: Uint8Array
  format: string
  result: WorkResult
  wroteRows: number
}

export interface Executor {
  execute(execution: Execution): Promise<Answer>
  /** Rows of a statement of our own, one string per line of output. */
  lines(sql: string, params?: Readonly<Record<string, string>>): Promise<string[]>
  close(): void
}

const KILL_AGAIN_MS = 250
const NEVER = new AbortController().signal

export function createExecutor(deps: ExecutorDeps): Executor {
  const { lanes } = deps
  return {
    async execute(execution) {
      const { shape } = execution.statement
      checkParams(shape.sql, execution.params)
      if (shape.kind === 'output') return executeOutput(deps, execution, shape)
      if (shape.kind === 'explain-ast') {
        return lanes.reader.use({ signal: execution.signal }, async (session) =>
          inlineAnswer(execution, await session.run(workOf(execution, shape.sql))),
        )
      }
      if (execution.restricted) {
        throw engineError('READONLY', 'Cannot execute query in readonly mode.')
      }
      if (shape.kind === 'command') {
        const run = async (session: EngineSession): Promise<Answer> =>
          inlineAnswer(execution, await session.run(workOf(execution, shape.sql)))
        const { signal } = execution
        // Writes nothing, and may be what ends a statement that is waited for.
        if (/^\s*KILL\b/i.test(shape.sql)) return lanes.control.use({ signal }, run)
        return lanes.command.use({ signal }, (session) =>
          deps.watch.guard({
            work: () => run(session),
            failedWrites: () => failedWritesOf(session, execution.database),
            isShort: false,
          }),
        )
      }
      return executeInsert(deps, execution, shape)
    },
    async lines(sql, params = {}) {
      const work = { sql, database: 'system', settings: {}, params, format: 'TSVRaw' }
      const result = await lanes.reader.use({ signal: NEVER }, (session) => session.run(work))
      const text = Buffer.from(result.bytes).toString('utf8')
      return text === '' ? [] : text.replace(/\n$/, '').split('\n')
    },
    close() {
      for (const lane of Object.values(lanes)) lane.close()
    },
  }
}

async function executeOutput(
  deps: ExecutorDeps,
  execution: Execution,
  shape: Extract<Statement['shape'], { kind: 'output' }>,
): Promise<Answer> {
  const file = deps.spool.path()
  const format = shape.format ?? execution.defaultFormat
  const { sql, clause } = withOutfile(shape, { path: file, format })
  const lane = execution.restricted ? deps.lanes.adhoc : deps.lanes.reader
  try {
    const failedBefore = deps.watch.known
    const result = await lane.use({ signal: execution.signal }, async (session) => {
      const work = workOf(execution, sql)
      const done = await killable(deps, session, { work, signal: execution.signal })
      await deps.watch.checkAnswer(failedBefore, () => failedWritesOf(session, execution.database))
      return done
    })
    return { file, bytes: result.bytes, format, result, wroteRows: 0 }
  } catch (error) {
    await deps.spool.remove(file)
    throw withoutClause(error, clause)
  }
}

async function executeInsert(
  deps: ExecutorDeps,
  execution: Execution,
  shape: Extract<Statement['shape'], { kind: 'insert' | 'insert-input' }>,
): Promise<Answer> {
  const { dataFile } = execution.statement
  if (dataFile === undefined) throw engineError('BAD_ARGUMENTS', 'The INSERT came without data.')
  const { sql, clause } = withInfile(shape, dataFile)
  try {
    const options = { key: `${execution.database}.${shape.table}`, signal: execution.signal }
    const result = await deps.lanes.writer.use(options, (session) =>
      deps.watch.guard({
        work: () => session.run(workOf(execution, sql)),
        failedWrites: () => failedWritesOf(session, execution.database),
        isShort: true,
      }),
    )
    const bytes = new Uint8Array()
    return { file: undefined, bytes, format: shape.format, result, wroteRows: result.rowsRead }
  } catch (error) {
    throw withoutClause(error, clause)
  } finally {
    await deps.spool.remove(dataFile)
  }
}

function workOf(execution: Execution, sql: string): Work {
  const { database, settings, params } = execution
  return { sql, database, settings, params, format: execution.defaultFormat }
}

function inlineAnswer(execution: Execution, result: WorkResult): Answer {
  const format = execution.defaultFormat
  return { file: undefined, bytes: result.bytes, format, result, wroteRows: 0 }
}

/**
 * Runs on `session` until it settles, killed when the signal aborts. The session is given back only when
 * no kill is under way any more: kills go by session, and must not hit the next one's query.
 */
async function killable(
  deps: ExecutorDeps,
  session: EngineSession,
  task: { work: Work; signal: AbortSignal },
): Promise<WorkResult> {
  const settled = new AbortController()
  let killing = Promise.resolve()
  const kill = (): void => {
    killing = killUntilSettled(deps, session.name, settled.signal)
  }
  task.signal.addEventListener('abort', kill, { once: true })
  if (task.signal.aborted) kill()
  try {
    return await session.run(task.work)
  } finally {
    settled.abort()
    task.signal.removeEventListener('abort', kill)
    await killing
  }
}

async function killUntilSettled(
  deps: ExecutorDeps,
  session: string,
  settled: AbortSignal,
): Promise<void> {
  const startedMs = deps.clock.monotonicMs()
  // SYNC hangs in chDB; ASYNC may come before the query is registered, hence again and again.
  const sql = `KILL QUERY WHERE Settings['${SESSION_MARK}'] = '${session}' ASYNC`
  while (!settled.aborted) {
    const work = { sql, database: 'system', settings: {}, params: {} }
    await deps.lanes.control.use({ signal: NEVER }, (control) => control.run(work)).catch(() => {})
    await deps.clock.sleep(KILL_AGAIN_MS, settled)
    if (deps.clock.monotonicMs() - startedMs > deps.stuckMsMax) deps.onStuck(session)
  }
}

/** A parameter set by an earlier request stays in its session; it must never be read by a later one. */
export function checkParams(sql: string, params: Readonly<Record<string, string>>): void {
  const missing = placeholdersOf(sql).find((name) => !Object.hasOwn(params, name))
  if (missing === undefined) return
  throw engineError('UNKNOWN_QUERY_PARAMETER', `Substitution \`${missing}\` is not set.`)
}

/** Takes our file out of the message: the user did not write it, and paths are our business. */
function withoutClause(error: unknown, clause: string): unknown {
  if (!(error instanceof EngineError)) return error
  const message = error.message
    .replaceAll(clause.trim(), '…')
    .replaceAll(/:? ?\(in file\/uri [^)]*\)/g, '')
    // An error while reading a file comes wrapped in another of the same code.
    .replace(/^(Code: \d+\. DB::Exception: )\1/, '$1')
    .replace(/ \([A-Z_]+\) \(version [^)]*\)(?=\. \([A-Z_]+\)$)/, '')
  return new EngineError(error.code, message, error)
}
