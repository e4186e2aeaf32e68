/**
 * A lexer for ClickHouse's SQL, stricter than ClickHouse's own: whatever the two could read differently
 * (heredocs, typographic quotes, control characters, a second statement) is refused, so that a decision
 * made on these tokens holds for what the server will execute.
 */
type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'symbol'

export interface Token {
  kind: TokenKind
  /** As written, quotes included. */
  text: string
  /** Offsets into the statement; `end` is exclusive. */
  start: number
  end: number
  /** How many brackets enclose the token; a bracket itself counts as outside. */
  depth: number
}

export class SqlLexError extends Error {
  override readonly name = 'SqlLexError'
  /** Offset into the statement. */
  readonly position: number

  constructor(detail: string, position: number) {
    super(detail)
    this.position = position
  }
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /(?:[0-9][0-9A-Za-z_]*\.?|\.[0-9])[0-9A-Za-z_]*/y
const BLANK = /[ \t\r\n\f\v]+/y
const LINE_COMMENT = /(?:--|#!|# )[^\n]*/y
const SYMBOLS = new Set('()[]{},.+-*/%=<>!?:|&^~@')

/**
 * Tokens in order, lazily: the data that follows `INSERT … FORMAT x` is never looked at when the caller
 * stops there. Brackets are balanced when the generator ends; a single trailing `;` is dropped.
 */
export function* scanSql(sql: string): Generator<Token, void, undefined> {
  const open: string[] = []
  let at = 0
  for (;;) {
    at = skipBlank(sql, at)
    const first = sql[at]
    if (first === undefined) break
    if (first === ';') {
      if (skipSemicolons(sql, at) < sql.length) throw new SqlLexError('one statement at a time', at)
      break
    }
    const token = readToken(sql, at, first)
    if (token.kind === 'symbol') bracket(open, token)
    yield { ...token, depth: open.length - (CLOSING[token.text] === undefined ? 0 : 1) }
    at = token.end
  }
  const unclosed = open.at(-1)
  if (unclosed !== undefined) throw new SqlLexError(`a "${unclosed}" is missing`, sql.length)
}

/** All tokens at once; throws SqlLexError. */
export function tokensOf(sql: string): Token[] {
  return [...scanSql(sql)]
}

/** Whether the token is this bare word, in any case: `FORMAT`. */
export function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word
}

export function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token?.kind === 'symbol' && token.text === symbol
}

/** The name an identifier token stands for: quotes and escapes taken off. */
export function nameOf(token: Token): string {
  if (token.kind !== 'quoted') return token.text
  const quote = token.text.charAt(0)
  return token.text
    .slice(1, -1)
    .replaceAll(quote + quote, quote)
    .replaceAll(/\\(.)/gs, '$1')
}

function bracket(open: string[], token: Omit<Token, 'depth'>): void {
  const closing = CLOSING[token.text]
  if (closing !== undefined) {
    open.push(closing)
    return
  }
  if (!')]}'.includes(token.text)) return
  if (open.pop() !== token.text)
    throw new SqlLexError(`"${token.text}" closes nothing`, token.start)
}

function readToken(sql: string, start: number, first: string): Omit<Token, 'depth'> {
  const made = (kind: TokenKind, end: number) => ({ kind, text: sql.slice(start, end), start, end })
  if (first === "'") return made('string', endOfQuoted(sql, start, first))
  if (first === '`' || first === '"') return made('quoted', endOfQuoted(sql, start, first))
  const word = matchEnd(WORD, sql, start)
  if (word > start) return made('word', word)
  const number = matchEnd(NUMBER, sql, start)
  if (number > start) return made('number', number)
  if (SYMBOLS.has(first)) return made('symbol', start + 1)
  throw new SqlLexError(`the character ${JSON.stringify(first)} is not allowed here`, start)
}

function endOfQuoted(sql: string, start: number, quote: string): number {
  for (let at = start + 1; at < sql.length; at += 1) {
    const character = sql[at]
    if (character === '\\') at += 1
    else if (character === quote) {
      if (sql[at + 1] !== quote) return at + 1
      at += 1
    }
  }
  throw new SqlLexError(`a closing ${quote} is missing`, start)
}

function skipBlank(sql: string, from: number): number {
  let at = from
  for (;;) {
    const next = matchEnd(LINE_COMMENT, sql, matchEnd(BLANK, sql, at))
    if (sql.startsWith('/*', next)) {
      const end = sql.indexOf('*/', next + 2)
      if (end === -1) throw new SqlLexError('a comment does not end', next)
      at = end + 2
    } else if (next === at) return at
    else at = next
  }
}

function skipSemicolons(sql: string, from: number): number {
  let at = from
  while (sql[at] === ';') at = skipBlank(sql, at + 1)
  return at
}

/** The end of the sticky pattern's match at `at`, or `at` itself where it does not match. */
function matchEnd(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(sql) ? pattern.lastIndex : at
}
