import { FaultlineError, isFaultlineError } from '#/kernel/errors.ts'
import type { ClickHouse } from './client.ts'
import { parseAst, walkAst } from './guard-ast.ts'
import type { AstNode } from './guard-ast.ts'
import { isAllowedFunction, isAllowedTableFunction } from './guard-functions.ts'
import { WINDOW_TABLE, isUnsteady, windowConditions } from './guard-window.ts'
import type { SqlWindow } from './guard-window.ts'
import { PUBLIC_TABLES } from './public-tables.ts'
import { SqlLexError, isSymbol, isWord, nameOf, tokensOf } from './sql-lexer.ts'
import type { Token } from './sql-lexer.ts'
import { quoteName, quoteString } from './statement.ts'
import type { SettingValue } from './statement.ts'

/** ClickHouse's own reading of a statement; it neither runs nor resolves anything. */
export interface SqlParser {
  /** The statement in canonical form on one line: no comments, names and strings quoted one way. */
  format(sql: string): Promise<string>
  /** The lines of EXPLAIN AST. */
  explainAst(sql: string): Promise<string[]>
}

export interface GuardLimits {
  timeMsMax: number
  resultRowsMax: number
  resultBytesMax: number
  readRowsMax: number
  readBytesMax: number
  memoryBytesMax: number
}

const GUARD_LIMITS: GuardLimits = {
  timeMsMax: 10_000,
  resultRowsMax: 10_000,
  resultBytesMax: 32 * 1024 * 1024,
  readRowsMax: 200_000_000,
  readBytesMax: 8 * 1024 * 1024 * 1024,
  memoryBytesMax: 256 * 1024 * 1024,
}

/** A statement that may run, and how: pass `sql` with `database` and `settings` to the client. */
export interface GuardedQuery {
  sql: string
  /** An empty database: a name the guard did not bind finds nothing there. */
  database: string
  settings: Record<string, SettingValue>
  /** Public tables it reads, in alphabetical order. */
  tables: string[]
}

const SQL_LENGTH_MAX = 32_768
const NODES_MAX = 5_000

/** What may stand in a query, by ClickHouse's names; a construct that is not listed is refused. */
const NODE_KINDS: ReadonlySet<string> = new Set([
  'SelectWithUnionQuery',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'ExpressionList',
  'WithElement',
  'Subquery',
  'TablesInSelectQuery',
  'TablesInSelectQueryElement',
  'TableExpression',
  'TableJoin',
  'ArrayJoin',
  'TableIdentifier',
  'Identifier',
  'Literal',
  'Function',
  'Asterisk',
  'QualifiedAsterisk',
  'ColumnsTransformerList',
  'ColumnsExceptTransformer',
  'OrderByElement',
  'WindowListElement',
  'WindowDefinition',
  'InterpolateElement',
])

const NODE_NAMES: Readonly<Record<string, string>> = {
  Set: 'a SETTINGS clause',
  ColumnsApplyTransformer: 'APPLY',
  ColumnsReplaceTransformer: 'REPLACE',
  ColumnsRegexpMatcher: 'COLUMNS(…)',
  ColumnsListMatcher: 'COLUMNS(…)',
  SampleRatio: 'SAMPLE',
  QueryParameter: 'a {parameter}',
}

const IN_OPERATORS = /^(?:global)?(?:not)?(?:null)?in(?:ignoreset)?$/i
const SYSTEM_DATABASES: ReadonlySet<string> = new Set(['system', 'information_schema'])

/** Where guarded queries run: has no tables, ever. */
export function adhocDatabaseOf(database: string): string {
  return `${database}_adhoc`
}

/** Creates the empty database; the embedded engine does it itself, a server needs it once. */
export async function createAdhocDatabase(clickhouse: ClickHouse, onCluster = ''): Promise<void> {
  const name = quoteName(adhocDatabaseOf(clickhouse.database))
  await clickhouse.command(`CREATE DATABASE IF NOT EXISTS ${name}${onCluster}`, {
    database: 'default',
  })
}

/**
 * Decides whether somebody's SQL may run for `project` and returns the statement that does, or throws
 * `invalid_sql` saying what is not allowed. It costs two round trips of about a millisecond.
 */
export async function guardQuery(
  sql: string,
  options: {
    project: string
    clickhouse: ClickHouse
    limits?: Partial<GuardLimits>
    window?: SqlWindow | undefined
    /** Texts already checked: what is asked window by window is checked once. */
    known?: CheckedTexts | undefined
  },
): Promise<GuardedQuery> {
  const { project, clickhouse, window, known } = options
  const { database } = clickhouse
  const guarded = await guardStatement(sql, {
    parser: parserOf(clickhouse),
    database,
    project,
    window,
    known,
  })
  return { ...guarded, settings: guardSettings({ ...GUARD_LIMITS, ...options.limits }) }
}

/**
 * The decision itself. The text is first brought into ClickHouse's canonical form, so that comments,
 * heredocs and quoting cannot make us and ClickHouse read it differently; then every node of the syntax
 * tree must be on a list. Each public table it reads is bound, by a WITH in front, to the rows of the
 * project; everything else has to be found in an empty database.
 */
export async function guardStatement(
  sql: string,
  deps: {
    parser: SqlParser
    database: string
    project: string | undefined
    window?: SqlWindow | undefined
    known?: CheckedTexts | undefined
  },
): Promise<Omit<GuardedQuery, 'settings'>> {
  const { database, project, window, known } = deps
  const key = `${window === undefined ? 'any' : 'steady'} ${sql}`
  const checked = known?.get(key) ?? (await checkText(sql, deps))
  const { text, tables } = checked
  remember(known, key, checked)
  const bindings = tables.map((table) => bindingOf(table, database, { project, window })).join(', ')
  return { sql: bound(text, bindings), database: adhocDatabaseOf(database), tables }
}

export interface CheckedText {
  text: string
  tables: string[]
}

/** What was found harmless, newest last; a text means the same whoever asks. */
export type CheckedTexts = Map<string, CheckedText>

const KNOWN_MAX = 200

function remember(known: CheckedTexts | undefined, key: string, checked: CheckedText): void {
  if (known === undefined) return
  known.delete(key)
  known.set(key, checked)
  const [oldest] = known.keys()
  if (known.size > KNOWN_MAX && oldest !== undefined) known.delete(oldest)
}

async function checkText(
  sql: string,
  { parser, database, window }: Parameters<typeof guardStatement>[1],
): Promise<CheckedText> {
  const canonical = await canonicalOf(sql, parser)
  const text = rewritten(canonical, database)
  const root = parseAst(await parser.explainAst(text).catch(rethrowParseError))
  const tables = checkTree(root, withNames(text))
  if (window !== undefined) checkSteady(root, tables)
  return { text, tables }
}

async function canonicalOf(sql: string, parser: SqlParser): Promise<string> {
  if (sql.length > SQL_LENGTH_MAX) throw refused(`more than ${SQL_LENGTH_MAX} characters`)
  lex(sql)
  const canonical = (await parser.format(sql).catch(rethrowParseError)).trim()
  const tokens = lex(canonical)
  const [first, second] = tokens
  const reads = isWord(first, 'SELECT') || isWord(first, 'WITH')
  if (!reads) throw refused(`a statement that starts with ${JSON.stringify(first?.text ?? '')}`)
  if (isWord(second, 'RECURSIVE')) throw refused('WITH RECURSIVE')
  for (const [at, token] of tokens.entries()) {
    // Before EXPLAIN AST: it applies the settings of what it explains.
    const [next, after] = [tokens[at + 1], tokens[at + 2]]
    const sets = isWord(token, 'SETTINGS') && next?.kind === 'word' && isSymbol(after, '=')
    if (sets) throw refused('a SETTINGS clause')
    if (token.kind === 'quoted' && /[\\\p{Cc}]/u.test(token.text)) {
      throw refused(`the name ${JSON.stringify(token.text)}`)
    }
  }
  return canonical
}

function lex(sql: string): Token[] {
  try {
    return tokensOf(sql)
  } catch (error) {
    if (!(error instanceof SqlLexError)) throw error
    const detail = `At character ${error.position + 1}: ${error.message}.`
    throw new FaultlineError('invalid_sql', detail, { cause: error })
  }
}

/** Takes `faultline.` off names, and FINAL off tables: the bindings have no database and do it already. */
function rewritten(canonical: string, database: string): string {
  const tokens = lex(canonical)
  let text = ''
  let from = 0
  const cut = (start: number, end: number): void => {
    text += canonical.slice(from, start)
    from = end
  }
  for (const [at, token] of tokens.entries()) {
    const [before, next] = [tokens[at - 1], tokens[at + 1]]
    const isName = token.kind === 'word' || token.kind === 'quoted'
    const qualifies = isName && nameOf(token) === database && isSymbol(next, '.')
    if (qualifies && next !== undefined && !isSymbol(before, '.')) cut(token.start, next.end)
    if (token.text === 'FINAL' && isTableName(before)) cut(token.start, token.end)
  }
  return text + canonical.slice(from)
}

function isTableName(token: Token | undefined): boolean {
  return token !== undefined && (token.kind === 'quoted' || token.kind === 'word')
}

/** Names of the query's own WITH clauses; only messages depend on them, see `adhocDatabaseOf`. */
function withNames(text: string): ReadonlySet<string> {
  const tokens = lex(text)
  const names = tokens.filter(
    (_, at) => isWord(tokens[at + 1], 'AS') && isSymbol(tokens[at + 2], '('),
  )
  return new Set(names.map(nameOf))
}

function checkTree(root: AstNode, names: ReadonlySet<string>): string[] {
  if (root.kind !== 'SelectWithUnionQuery') throw refused(`a statement of kind ${root.kind}`)
  if (root.children.length > 1) throw refused('FORMAT, INTO OUTFILE or SETTINGS')
  const tables = new Set<string>()
  let count = 0
  for (const { node, parent } of walkAst(root)) {
    count += 1
    if (count > NODES_MAX) throw refused(`a query of more than ${NODES_MAX} parts`)
    if (!NODE_KINDS.has(node.kind)) throw refused(NODE_NAMES[node.kind] ?? node.kind)
    if (node.kind === 'Function') checkFunction(node, parent)
    if (node.kind === 'Identifier') checkIdentifier(node)
    const name = tableNamed(node)
    if (name === undefined) continue
    if (isPublicTable(name)) {
      if (names.has(name)) throw refused(`WITH ${name}: it is the name of a table`)
      tables.add(name)
    } else if (!names.has(name)) throw refused(`the table ${name}`, tablesRemedy())
  }
  return [...tables].toSorted()
}

/** What is asked about a window says the same whenever it is asked. */
function checkSteady(root: AstNode, tables: readonly string[]): void {
  const other = tables.find((table) => table !== WINDOW_TABLE)
  if (other !== undefined)
    throw refused(`the table ${other} in a detector`, `A detector reads ${WINDOW_TABLE} alone.`)
  for (const { node } of walkAst(root))
    if (node.kind === 'Function' && isUnsteady(node.text))
      throw refused(
        `the function ${node.text} in a detector`,
        'It sees the events of one window: leave the time out.',
      )
}

function isPublicTable(name: string): boolean {
  return Object.hasOwn(PUBLIC_TABLES, name)
}

/** The table a node reads by name: in FROM, or as the right side of IN. */
function tableNamed(node: AstNode): string | undefined {
  if (node.kind === 'TableIdentifier') return node.text
  if (node.kind !== 'Function' || !IN_OPERATORS.test(node.text)) return undefined
  const right = node.children[0]?.children[1]
  return right?.kind === 'Identifier' ? right.text : undefined
}

function checkFunction(node: AstNode, parent: AstNode | undefined): void {
  const isTable = parent?.kind === 'TableExpression'
  const allowed = isTable ? isAllowedTableFunction(node.text) : isAllowedFunction(node.text)
  if (!allowed) throw refused(`the ${isTable ? 'table ' : ''}function ${node.text}`)
}

function checkIdentifier(node: AstNode): void {
  const [first = ''] = node.text.split('.')
  if (node.text.includes('.') && SYSTEM_DATABASES.has(first.toLowerCase())) {
    throw refused(`the name ${node.text}`)
  }
}

function bindingOf(
  table: string,
  database: string,
  { project, window }: { project: string | undefined; window: SqlWindow | undefined },
): string {
  const source = `${quoteName(database)}.${quoteName(table)}`
  const final = PUBLIC_TABLES[table]?.latest === true ? ' FINAL' : ''
  const conditions = [
    ...(project === undefined ? [] : [`project = ${quoteString(project)}`]),
    ...(window === undefined ? [] : windowConditions(window)),
  ]
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  return `${quoteName(table)} AS (SELECT * FROM ${source}${final}${where})`
}

function bound(text: string, bindings: string): string {
  if (bindings === '') return text
  // A WITH at the very front also reaches every subquery and every part of a UNION.
  return text.startsWith('WITH ')
    ? `WITH ${bindings}, ${text.slice(5)}`
    : `WITH ${bindings} ${text}`
}

/** `readonly` and limits; the embedded engine then takes a session that cannot write. */
function guardSettings(limits: GuardLimits): Record<string, SettingValue> {
  return {
    readonly: 1,
    max_execution_time: limits.timeMsMax / 1000,
    max_result_rows: limits.resultRowsMax,
    max_result_bytes: limits.resultBytesMax,
    max_rows_to_read: limits.readRowsMax,
    max_bytes_to_read: limits.readBytesMax,
    max_memory_usage: limits.memoryBytesMax,
  }
}

function parserOf(clickhouse: ClickHouse): SqlParser {
  return {
    async format(sql) {
      const query = 'SELECT formatQuerySingleLine({sql:String}) AS text'
      const [row] = await clickhouse.query<{ text: string }>(query, { params: { sql } })
      return row?.text ?? ''
    },
    async explainAst(sql) {
      // FORMAT would count as part of the explained statement.
      const settings = { default_format: 'TSVRaw' }
      const answer = await clickhouse.queryRaw(`EXPLAIN AST ${sql}`, { settings })
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(Buffer.from(chunk as Uint8Array))
      return Buffer.concat(chunks).toString('utf8').trimEnd().split('\n')
    },
  }
}

/** The parser's complaint without the query we wrapped the text in. */
function rethrowParseError(error: unknown): never {
  if (
    error instanceof Error &&
    (isFaultlineError(error, 'invalid_sql') || !isFaultlineError(error))
  ) {
    const detail = error.message
      .replace(/^Code: \d+\. DB::Exception: /, '')
      .replace(/:? ?(?:In scope|while executing|While executing) .*$/s, '')
    throw new FaultlineError('invalid_sql', detail, { cause: error })
  }
  throw error
}

function refused(
  what: string,
  remedy = 'One SELECT over the public tables may run; clickhouse/SPEC.md has the rules.',
): FaultlineError {
  return new FaultlineError('invalid_sql', `Not allowed: ${what}.`, { remedy })
}

function tablesRemedy(): string {
  return `Tables are ${Object.keys(PUBLIC_TABLES).join(', ')}.`
}
