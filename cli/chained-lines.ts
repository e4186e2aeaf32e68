/** Lines of JSON of which each carries the hash of everything before it: one changed byte is found, and where. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#/schemas/collab/json.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** What is wrong with a file, and in which line; 0 when it is no single one. */
export class BrokenLine extends Error {
  override readonly name = 'BrokenLine'
  readonly line: number
  constructor(line: number, what: string) {
    super(what)
    this.line = line
  }
}

export function chainLines(bodies: readonly unknown[]): string {
  let previous = ''
  const lines = bodies.map((body) => {
    previous = sha256(`${previous}\n${canonicalJson(body)}`)
    return JSON.stringify({ hash: previous, body })
  })
  return `${lines.join('\n')}\n`
}

/** Bodies are what was written, of whatever shape. Fails with a BrokenLine. */
export function readChain(text: string): { bodies: unknown[]; head: string } {
  if (!text.endsWith('\n')) throw new BrokenLine(0, 'the end of the file is missing')
  let head = ''
  const bodies = text
    .slice(0, -1)
    .split('\n')
    .map((line, index) => {
      let read: { hash?: unknown; body?: unknown }
      try {
        read = JSON.parse(line) as typeof read
      } catch {
        throw new BrokenLine(index + 1, 'the line is no JSON')
      }
      head = sha256(`${head}\n${canonicalJson(read.body)}`)
      // Written again the same way: another spelling of the same value is a changed byte, too.
      if (read.hash !== head || JSON.stringify({ hash: head, body: read.body }) !== line)
        throw new BrokenLine(index + 1, 'the line is not what was written')
      return read.body
    })
  return { bodies, head }
}
