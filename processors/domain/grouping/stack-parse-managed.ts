import { frame, readNumber, type Frame } from './stack-frame.ts'

/** `at com.acme.Thing.method(Thing.java:12)`, with the module prefix of newer Javas (`java.base/…`). */
export function parseJavaLine(line: string): Frame | undefined {
  if (!line.startsWith('at ') || !line.includes('(')) return undefined
  // Log frameworks append `[jar:version]`.
  const close = line.lastIndexOf(')')
  const open = line.lastIndexOf('(', close)
  if (open < 4 || close < open) return undefined
  let name = line.slice(3, open).trim()
  const slash = name.lastIndexOf('/')
  if (slash >= 0 && !name.slice(0, slash).includes('Lambda')) name = name.slice(slash + 1)
  const place = line.slice(open + 1, close)
  const colon = place.lastIndexOf(':')
  const file = colon > 0 ? place.slice(0, colon) : place
  const dot = name.lastIndexOf('.')
  return frame({
    function: dot < 0 ? name : name.slice(dot + 1),
    module: dot < 0 ? undefined : name.slice(0, dot),
    file: file.includes('.') ? file : undefined,
    line: colon > 0 ? readNumber(place, colon + 1) : undefined,
  })
}

/** True for a place only a Java virtual machine writes. */
export function isJavaLine(line: string): boolean {
  if (!line.startsWith('at ')) return false
  const close = line.lastIndexOf(')')
  const open = line.lastIndexOf('(', close)
  if (open < 0 || close <= open + 1) return false
  const place = line.slice(open + 1, close)
  const colon = place.indexOf(':')
  const file = colon < 0 ? place : place.slice(0, colon)
  if (file === 'Unknown Source' || file === 'Native Method' || file === 'SourceFile') return true
  return !file.includes(' ') && !file.includes('/') && /\.(?:java|kt|scala|groovy|clj)$/u.test(file)
}

/** `at Ns.Type.Method(String name) in /src/Type.cs:line 12`. */
export function parseDotnetLine(line: string): Frame | undefined {
  if (!line.startsWith('at ')) return undefined
  let text = line.slice(3)
  let file: string | undefined
  let number: number | undefined
  const place = text.indexOf(') in ')
  if (place > 0) {
    const location = text.slice(place + 5)
    const marker = location.lastIndexOf(':line ')
    file = marker > 0 ? location.slice(0, marker) : location
    if (marker > 0) number = readNumber(location, marker + 6)
    text = text.slice(0, place + 1)
  }
  const open = text.indexOf('(')
  const name = (open > 0 ? text.slice(0, open) : text).trim()
  // Overloads are different functions: a signature that is written stays.
  const signature = open > 0 ? text.slice(open, text.indexOf(')', open) + 1) : ''
  // Unity writes `Type:Method ()`.
  const cut = Math.max(name.lastIndexOf('.'), name.lastIndexOf(':'))
  const start = name.endsWith('..ctor') || name.endsWith('..cctor') ? name.lastIndexOf('..') : cut
  const method = start < 0 ? name : name.slice(start + 1)
  return frame({
    function: signature === '()' ? method : method + signature,
    module: start < 0 ? undefined : name.slice(0, start),
    file,
    line: number,
  })
}
