import { FaultlineError } from '#/kernel/errors.ts'

/** One line of EXPLAIN AST with what hangs below it. */
export interface AstNode {
  /** `SelectQuery`, `Function`, `TableIdentifier`… */
  kind: string
  /** What follows the kind: a name, a literal; aliases and counts taken off. */
  text: string
  children: AstNode[]
}

const LINE = /^( *)(\S+)(?: (.*?))??(?: \(children (\d+)\))?$/s
const ALIAS = / ?\(alias .*\)$/s

/**
 * The tree of EXPLAIN AST's indented lines. The counts printed with the nodes must fit the lines, so
 * that a name with a line break in it cannot pass for a node, or hide one.
 */
export function parseAst(lines: readonly string[]): AstNode {
  const open: { node: AstNode; expected: number }[] = []
  let root: AstNode | undefined
  for (const line of lines) {
    const [, indent = '', kind = '', rest = '', count = '0'] = LINE.exec(line) ?? []
    const depth = indent.length
    const node: AstNode = { kind, text: rest.replace(ALIAS, ''), children: [] }
    if (kind === '' || depth > open.length) throw unreadable()
    while (open.length > depth) checkCount(open.pop())
    const parent = open.at(-1)
    if (parent === undefined) {
      if (root !== undefined) throw unreadable()
      root = node
    } else parent.node.children.push(node)
    open.push({ node, expected: Number(count) })
  }
  while (open.length > 0) checkCount(open.pop())
  if (root === undefined) throw unreadable()
  return root
}

/** Every node below and including `node`, each with its parent. */
export function* walkAst(
  node: AstNode,
  parent?: AstNode,
): Generator<{ node: AstNode; parent: AstNode | undefined }, void, undefined> {
  yield { node, parent }
  for (const child of node.children) yield* walkAst(child, node)
}

function checkCount(entry: { node: AstNode; expected: number } | undefined): void {
  if (entry !== undefined && entry.node.children.length !== entry.expected) throw unreadable()
}

function unreadable(): FaultlineError {
  return new FaultlineError('invalid_sql', 'The structure of the query cannot be read for certain.')
}
