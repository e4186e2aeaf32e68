import { frame, readNumber, type Frame } from './stack-frame.ts'

/**
 * One line of a JavaScript stack in any dialect: V8 (`at fn (url:1:2)`), Gecko and WebKit (`fn@url:1:2`),
 * Edge (`at Anonymous function (url:1:2)`), Hermes (`at fn (address at bundle:1:2)`).
 */
export function parseJavascriptLine(given: string): Frame | undefined {
  const line = withoutBrace(given)
  if (line.startsWith('at ')) return parseV8(line.slice(3))
  const at = line.lastIndexOf('@')
  if (at < 0) return isBareLocation(line) ? located('', line) : undefined
  if (line.startsWith('@ ')) return undefined
  const location = line.slice(at + 1)
  if (!looksLikeLocation(location)) return undefined
  return located(line.slice(0, at), location)
}

/** WebKit writes a frame without a name as its place alone. */
function isBareLocation(line: string): boolean {
  const scheme = line.indexOf('://')
  return (
    scheme > 0 && scheme < 20 && !line.includes(' ') && endsWithLineAndColumn(line, line.length)
  )
}

/** True for a line only a JavaScript engine writes. */
export function isJavascriptLine(given: string): boolean {
  const line = withoutBrace(given)
  if (line.startsWith('at ')) {
    const end = line.endsWith(')') ? line.length - 1 : line.length
    return (
      endsWithLineAndColumn(line, end) ||
      line.endsWith('(<anonymous>)') ||
      line.endsWith('(native)') ||
      line.endsWith('[native code])')
    )
  }
  const at = line.lastIndexOf('@')
  return at >= 0 && looksLikeLocation(line.slice(at + 1))
}

/** Node prints the fields of an error after its last frame: `at f (x.js:1:2) {`. */
function withoutBrace(line: string): string {
  return line.endsWith(' {') ? line.slice(0, -2) : line
}

function endsWithLineAndColumn(line: string, end: number): boolean {
  const colon = line.lastIndexOf(':', end - 1)
  if (colon < 1 || readNumber(line, colon + 1) < 0) return false
  const before = line.lastIndexOf(':', colon - 1)
  return before > 0 && readNumber(line, before + 1) >= 0 && before + 8 >= colon
}

function looksLikeLocation(text: string): boolean {
  return (
    text === '[native code]' ||
    endsWithLineAndColumn(text, text.length) ||
    (text.includes('://') && !text.includes(' '))
  )
}

function parseV8(text: string): Frame | undefined {
  const open = text.endsWith(')') ? openingParenthesis(text) : -1
  if (open > 0) return located(text.slice(0, open).trim(), text.slice(open + 1, -1))
  const bare = text.startsWith('async ') ? text.slice(6) : text
  return looksLikeLocation(bare) ? located('', bare) : frame({ function: bare })
}

/** The parenthesis that opens the location: locations may hold parentheses of their own. */
function openingParenthesis(text: string): number {
  let depth = 0
  for (let at = text.length - 1; at >= 0; at--) {
    const code = text.charCodeAt(at)
    if (code === 41) depth++
    else if (code === 40 && --depth === 0) return at
  }
  return -1
}

function located(name: string, location: string): Frame {
  let file = location
  // `eval at fn (url:1:2), <anonymous>:3:4`: the outer place is the stable one.
  if (file.startsWith('eval at ')) {
    const open = file.lastIndexOf('(')
    const close = file.indexOf(')', open)
    if (open > 0 && close > 0) file = file.slice(open + 1, close)
  }
  if (file.startsWith('address at ')) file = file.slice(11)
  let line = -1
  for (let round = 0; round < 2; round++) {
    const colon = file.lastIndexOf(':')
    if (colon < 0 || !isNumber(file, colon + 1)) break
    line = readNumber(file, colon + 1)
    file = file.slice(0, colon)
  }
  return frame({ function: name, file, line })
}

function isNumber(text: string, from: number): boolean {
  if (from >= text.length) return false
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 48 || code > 57) return false
  }
  return true
}
