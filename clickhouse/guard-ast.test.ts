import { describe, expect, it } from 'vitest'
import { parseAst, walkAst } from './guard-ast.ts'

describe('the syntax tree', () => {
  it('[CH20] reads kinds, names and children', () => {
    const root = parseAst([
      'SelectWithUnionQuery (children 1)',
      ' ExpressionList (children 2)',
      `  Literal 'a (children 1)' (alias x)`,
      '  Function f (alias y) (children 1)',
      '   ExpressionList',
    ])
    const seen = [...walkAst(root)].map(({ node, parent }) => [node.kind, node.text, parent?.kind])
    expect(seen).toEqual([
      ['SelectWithUnionQuery', '', undefined],
      ['ExpressionList', '', 'SelectWithUnionQuery'],
      ['Literal', `'a (children 1)'`, 'ExpressionList'],
      ['Function', 'f', 'ExpressionList'],
      ['ExpressionList', '', 'Function'],
    ])
  })

  it.each([
    ['a line too many', ['A (children 1)', ' B', ' C']],
    ['a line too few', ['A (children 2)', ' B']],
    ['a second root', ['A', 'B']],
    ['a gap', ['A (children 1)', '  B']],
    ['nothing', []],
    ['a blank line', ['A (children 1)', '', ' B']],
  ])('[CH20] refuses a tree with %s', (_, lines) => {
    expect(() => parseAst(lines)).toThrow('cannot be read for certain')
  })
})
