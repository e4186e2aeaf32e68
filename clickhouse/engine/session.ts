import { Session } from 'chdb'
import { quoteName, quoteString, settingLiteral } from '#/clickhouse/statement.ts'
import type { SettingValue } from '#/clickhouse/statement.ts'
import { asEngineError } from './engine-error.ts'

export interface SessionOptions {
  dataDir: string
  configFile: string
  /** Unique in the process: kills address the session by it. */
  name: string
  /** Set for the whole life of the session; a request's own value gives way to these afterwards. */
  settings: Readonly<Record<string, SettingValue>>
}

export interface Work {
  sql: string
  database: string
  settings: Readonly<Record<string, SettingValue>>
  /** Values of `{name:Type}` in ClickHouse's text notation. */
  params: Readonly<Record<string, string>>
  /** Of `bytes`, where the statement does not name one itself. */
  format?: string
}

export interface WorkResult {
  rowsRead: number
  bytesRead: number
  elapsedMs: number
  /** What the statement printed, for the few that are not sent to a file. */
  bytes: Uint8Array
}

/** One chDB session: runs one statement at a time, and leaves nothing of it behind for the next. */
export interface EngineSession {
  readonly name: string
  run(work: Work): Promise<WorkResult>
  close(): void
}

/** The setting kills look for; chDB has no way to choose a query's id. */
export const SESSION_MARK = 'log_comment'

export async function openSession(options: SessionOptions): Promise<EngineSession> {
  const base: Readonly<Record<string, SettingValue>> = {
    ...options.settings,
    [SESSION_MARK]: options.name,
  }
  let native = await openNative(options, base)
  let database: string | undefined

  /** Takes back what the statement set; a failed one may also have left output in the session. */
  const restore = async (work: Work, failed: boolean): Promise<void> => {
    const names = Object.keys(work.settings)
    const resets = names.map((name) => {
      const own = base[name]
      return `${name} = ${own === undefined ? 'DEFAULT' : settingLiteral(own)}`
    })
    const statements = resets.length === 0 ? [] : [`SET ${resets.join(', ')}`]
    if (failed) statements.push('SELECT 1 FORMAT Null')
    if (statements.length === 0) return
    try {
      await native.queryAsync(statements.join('; '))
    } catch {
      // A session that cannot be cleaned is not worth keeping: another request must never see its state.
      native.close()
      native = await openNative(options, base)
      database = undefined
    }
  }

  return {
    name: options.name,
    async run(given) {
      // What the session has already need not be set and taken back, which is as long as a small question.
      const work = { ...given, settings: unlike(base, given.settings) }
      let failed = true
      try {
        const prelude = preludeOf(work, database)
        database = undefined
        if (prelude !== '') await native.queryAsync(prelude)
        database = work.database
        const result = await native.queryAsync(work.sql, { format: work.format ?? 'TabSeparated' })
        failed = false
        return {
          rowsRead: result.rowsRead,
          bytesRead: result.bytesRead,
          elapsedMs: result.elapsed * 1000,
          bytes: result.bytes(),
        }
      } catch (error) {
        throw asEngineError(error)
      } finally {
        await restore(work, failed)
      }
    },
    close: () => {
      native.close()
    },
  }
}

async function openNative(
  options: SessionOptions,
  base: Readonly<Record<string, SettingValue>>,
): Promise<Session> {
  const native = new Session(options.dataDir, {
    connectionArgs: [`--config-file=${options.configFile}`],
  })
  const entries = Object.entries(base)
  // `readonly` last: it forbids setting anything after it.
  const ordered = entries.toSorted(
    ([a], [b]) => Number(a === 'readonly') - Number(b === 'readonly'),
  )
  for (const [name, value] of ordered) {
    await native.queryAsync(`SET ${name} = ${settingLiteral(value)}`)
  }
  return native
}

function unlike(base: Work['settings'], settings: Work['settings']): Work['settings'] {
  const other = Object.entries(settings).filter(
    ([name, value]) => base[name] === undefined || String(base[name]) !== String(value),
  )
  return Object.fromEntries(other)
}

/** Runs apart from the statement, so that positions in its error messages are the user's. */
function preludeOf(work: Work, database: string | undefined): string {
  const settings = Object.entries(work.settings).map(
    ([name, value]) => `${name} = ${settingLiteral(value)}`,
  )
  const params = Object.entries(work.params).map(
    ([name, value]) => `param_${name} = ${quoteString(value)}`,
  )
  const statements: string[] = []
  if (database !== work.database) statements.push(`USE ${quoteName(work.database)}`)
  const sets = [...settings, ...params]
  if (sets.length > 0) statements.push(`SET ${sets.join(', ')}`)
  return statements.join('; ')
}
