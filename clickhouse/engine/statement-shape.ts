import { isSymbol, isWord, nameOf, scanSql, tokensOf } from '#/clickhouse/sql-lexer.ts'
import type { Token } from '#/clickhouse/sql-lexer.ts'
import { quoteString } from '#/clickhouse/statement.ts'

/** What the front must know of a statement to run it with its data in files. */
export type StatementShape =
  | { kind: 'output'; sql: string; format: string | undefined; formatAt: number | undefined }
  /** EXPLAIN AST takes every clause behind it for part of the explained query, FORMAT included. */
  | { kind: 'explain-ast'; sql: string }
  | { kind: 'insert'; sql: string; table: string; format: string; insertAt: number; dataAt: number }
  | {
      kind: 'insert-input'
      sql: string
      table: string
      format: string
      structure: string
      callStart: number
      callEnd: number
      formatAt: number
      dataAt: number
    }
  | { kind: 'command'; sql: string }

const OUTPUT_WORDS = new Set(['SELECT', 'WITH', 'SHOW', 'DESCRIBE', 'DESC', 'EXISTS', 'EXPLAIN'])

/**
 * Reads as much of `text` as belongs to the statement. For an INSERT with data, `dataAt` is where the
 * data starts. Throws SqlLexError, or StatementError for shapes that are not served.
 */
export function shapeOf(text: string): StatementShape {
  const tokens = new TokenCursor(text)
  const first = tokens.peek()
  if (isWord(first, 'INSERT')) return insertShape(text, tokens)
  const all = tokensOf(text)
  refuseFiles(all)
  const sql = text.slice(0, all.at(-1)?.end ?? 0)
  if (isWord(first, 'EXPLAIN') && isWord(all[1], 'AST')) return { kind: 'explain-ast', sql }
  const word = first?.kind === 'word' ? first.text.toUpperCase() : ''
  if (!OUTPUT_WORDS.has(word) && !isSymbol(first, '(')) {
    return { kind: 'command', sql }
  }
  const at = formatClauseAt(all)
  const name = at === undefined ? undefined : all[at + 1]
  return {
    kind: 'output',
    sql,
    format: name === undefined ? undefined : nameOf(name),
    formatAt: at === undefined ? undefined : all[at]?.start,
  }
}

export class StatementError extends Error {
  override readonly name = 'StatementError'
}

/**
 * The statement with its result written to `path`. Results always go through a file: chDB's buffered
 * results stay behind after an error and come out in front of the session's next answer, its streams
 * print wrong row counts and break WITH TOTALS, and starting one blocks the event loop.
 */
export function withOutfile(
  shape: StatementShape & { kind: 'output' },
  output: { path: string; format: string },
): { sql: string; clause: string } {
  const clause = ` INTO OUTFILE ${quoteString(output.path)} TRUNCATE`
  const { sql, formatAt } = shape
  if (formatAt === undefined) {
    const tail = `${clause} FORMAT ${output.format}`
    return { sql: sql + tail, clause: tail }
  }
  return { sql: `${sql.slice(0, formatAt)}${clause} ${sql.slice(formatAt)}`, clause }
}

/** The insert with its data read from `path`. */
export function withInfile(
  shape: StatementShape & { kind: 'insert' | 'insert-input' },
  path: string,
): { sql: string; clause: string } {
  const file = quoteString(path)
  if (shape.kind === 'insert') {
    const clause = ` FROM INFILE ${file}`
    const tail = shape.sql.slice(shape.insertAt)
    return { sql: `${shape.sql.slice(0, shape.insertAt)}${clause} ${tail}`, clause }
  }
  const call = `file(${file}, ${quoteString(shape.format)}, ${shape.structure})`
  const head = shape.sql.slice(0, shape.callStart)
  return { sql: head + call + shape.sql.slice(shape.callEnd, shape.formatAt), clause: call }
}

/** Names of the `{name:Type}` placeholders; a parameter of the same name must come with the request. */
export function placeholdersOf(sql: string): string[] {
  const tokens = tokensOf(sql)
  return tokens.flatMap((token, at) => {
    const name = tokens[at + 1]
    const named = name !== undefined && isSymbol(tokens[at + 2], ':')
    return isSymbol(token, '{') && named ? [nameOf(name)] : []
  })
}

function insertShape(text: string, tokens: TokenCursor): StatementShape {
  tokens.next()
  if (isWord(tokens.peek(), 'INTO')) tokens.next()
  if (isWord(tokens.peek(), 'TABLE')) tokens.next()
  if (isWord(tokens.peek(), 'FUNCTION')) {
    throw new StatementError('INSERT INTO FUNCTION is not served.')
  }
  const table = tableName(tokens)
  if (isSymbol(tokens.peek(), '(')) skipBrackets(tokens)
  const insertAt = tokens.peek()?.start ?? text.length
  if (isWord(tokens.peek(), 'FROM'))
    throw new StatementError('FROM INFILE is not served: send a body.')
  while (tokens.peek() !== undefined) {
    const token = tokens.next()
    if (isWord(token, 'VALUES')) return valuesShape({ text, table, insertAt, token })
    if (isWord(token, 'FORMAT')) return formatShape({ text, table, insertAt, name: tokens.next() })
    if (isWord(token, 'SELECT') || isWord(token, 'WITH') || isSymbol(token, '(')) {
      return insertSelectShape(text, table)
    }
  }
  throw new StatementError('The INSERT names neither FORMAT, VALUES nor SELECT.')
}

interface InsertStart {
  text: string
  table: string
  insertAt: number
}

function formatShape(start: InsertStart & { name: Token | undefined }): StatementShape {
  const { text, table, insertAt, name } = start
  if (name === undefined) throw new StatementError('FORMAT needs a name.')
  const sql = text.slice(0, name.end)
  const dataAt = startOfData(text, name.end)
  return { kind: 'insert', sql, table, format: nameOf(name), insertAt, dataAt }
}

function valuesShape(start: InsertStart & { token: Token | undefined }): StatementShape {
  const { text, table, insertAt, token } = start
  const at = token?.start ?? 0
  const sql = `${text.slice(0, at)}FORMAT Values`
  return { kind: 'insert', sql, table, format: 'Values', insertAt, dataAt: token?.end ?? at }
}

/** `INSERT INTO t SELECT … FROM input('…') FORMAT x` takes data; any other INSERT … SELECT takes none. */
function insertSelectShape(text: string, table: string): StatementShape {
  const seen: Token[] = []
  let call: { start: number; end: number; structure: string } | undefined
  for (const token of scanSql(text)) {
    seen.push(token)
    call ??= inputCall(seen)
    const format = seen.at(-2)
    if (
      call !== undefined &&
      token.depth === 0 &&
      isWord(format, 'FORMAT') &&
      token.kind === 'word'
    ) {
      return {
        kind: 'insert-input',
        sql: text.slice(0, token.end),
        table,
        format: token.text,
        structure: call.structure,
        callStart: call.start,
        callEnd: call.end,
        formatAt: format?.start ?? 0,
        dataAt: startOfData(text, token.end),
      }
    }
  }
  if (call !== undefined) throw new StatementError('FROM input(…) needs a FORMAT at the end.')
  refuseFiles(seen)
  return { kind: 'command', sql: text.slice(0, seen.at(-1)?.end ?? 0) }
}

function inputCall(seen: Token[]) {
  const [name, open, structure, close] = seen.slice(-4)
  const matches = isWord(name, 'INPUT') && isSymbol(open, '(') && isSymbol(close, ')')
  if (!matches || name === undefined || close === undefined || structure?.kind !== 'string') {
    return undefined
  }
  return { start: name.start, end: close.end, structure: structure.text }
}

function tableName(tokens: TokenCursor): string {
  const parts: string[] = []
  do {
    if (isSymbol(tokens.peek(), '.')) tokens.next()
    const token = tokens.next()
    if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted')) {
      throw new StatementError('INSERT INTO needs the name of a table.')
    }
    parts.push(nameOf(token))
  } while (isSymbol(tokens.peek(), '.'))
  return parts.join('.')
}

function skipBrackets(tokens: TokenCursor): void {
  const outside = tokens.next()?.depth ?? 0
  for (let token = tokens.next(); token !== undefined; token = tokens.next()) {
    if (isSymbol(token, ')') && token.depth === outside) return
  }
}

/** Data starts after the format's name, one run of blanks and at most one line end (as the server reads it). */
function startOfData(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\r') at += 1
  return text[at] === '\n' ? at + 1 : at
}

function formatClauseAt(tokens: readonly Token[]): number | undefined {
  for (let at = tokens.length - 2; at > 0; at -= 1) {
    const [word, name, after] = [tokens[at], tokens[at + 1], tokens[at + 2]]
    const ends = after === undefined || isWord(after, 'SETTINGS')
    if (word?.depth === 0 && isWord(word, 'FORMAT') && name?.kind === 'word' && ends) return at
  }
  return undefined
}

function refuseFiles(tokens: readonly Token[]): void {
  for (const [at, token] of tokens.entries()) {
    const [before, after] = [tokens[at - 1], tokens[at + 1]]
    const outfile = isWord(token, 'OUTFILE') && isWord(before, 'INTO')
    const infile = isWord(token, 'INFILE') && isWord(before, 'FROM')
    if ((outfile || infile) && after?.kind === 'string') {
      throw new StatementError('INTO OUTFILE and FROM INFILE are not served: use the body.')
    }
  }
}

/** One token of look-ahead over the lazy scan, so that data behind the statement stays unread. */
class TokenCursor {
  readonly #tokens: Generator<Token, void, undefined>
  #ahead: Token | undefined
  #loaded = false

  constructor(text: string) {
    this.#tokens = scanSql(text)
  }

  peek(): Token | undefined {
    if (!this.#loaded) {
      const step = this.#tokens.next()
      this.#ahead = step.done === true ? undefined : step.value
      this.#loaded = true
    }
    return this.#ahead
  }

  next(): Token | undefined {
    const token = this.peek()
    this.#loaded = false
    return token
  }
}
