import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SqlLexError, nameOf, tokensOf } from './sql-lexer.ts'
import { quoteName, quoteString } from './statement.ts'

const textsOf = (sql: string) => tokensOf(sql).map((token) => token.text)

describe('the lexer', () => {
  it('[CH20] tokens, with comments gone and brackets counted', () => {
    expect(textsOf(`SELECT/*a;*/ f(x, 'it''s; \\' --') -- rest\n FROM \`a\`.b #! c\n;; `)).toEqual([
      'SELECT',
      'f',
      '(',
      'x',
      ',',
      `'it''s; \\' --'`,
      ')',
      'FROM',
      '`a`',
      '.',
      'b',
    ])
    expect(tokensOf('(a [b {c}])').map((token) => token.depth)).toEqual([0, 1, 1, 2, 2, 3, 2, 1, 0])
  })

  it.each([
    `SELECT 1; SELECT 2`,
    `'open`,
    '`open',
    `(1`,
    `1)`,
    `(1]`,
    `/* open`,
    `$$a$$`,
    `a\u00a0b`,
    `\u201ca\u201d`,
    `a\\b`,
    `\0`,
  ])('[CH20] refuses %j', (sql) => {
    expect(() => tokensOf(sql)).toThrow(SqlLexError)
  })

  it('[CH20] whatever a string or a name holds, it is one token', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ minLength: 1 }), (text, name) => {
        fc.pre(!name.includes('\0'))
        const tokens = tokensOf(`SELECT ${quoteString(text)} AS ${quoteName(name)}, 1`)
        expect(tokens).toHaveLength(6)
        const [, string, , quoted] = tokens
        expect(string?.kind).toBe('string')
        expect(quoted === undefined ? undefined : nameOf(quoted)).toBe(name)
      }),
    )
  })

  it('[CH20] tokens never overlap and cover everything but blanks and comments', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('a', "'b'", '`c`', '1', '(', ')', ' ', '\n', '--x\n', '/*y*/', ',', '.'),
        ),
        (parts) => {
          const sql = parts.join('')
          let tokens: ReturnType<typeof tokensOf> = []
          try {
            tokens = tokensOf(sql)
          } catch (error) {
            expect(error).toBeInstanceOf(SqlLexError)
            return
          }
          let at = 0
          for (const token of tokens) {
            expect(sql.slice(at, token.start)).toMatch(/^(?:\s|--x\n|\/\*y\*\/)*$/)
            expect(sql.slice(token.start, token.end)).toBe(token.text)
            at = token.end
          }
        },
      ),
    )
  })
})
