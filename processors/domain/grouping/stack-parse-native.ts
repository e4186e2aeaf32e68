import { frame, readNumber, type Frame } from './stack-frame.ts'

/** `0   libfoo.dylib   0x00007fff201000 symbol + 16`: Apple's and Breakpad's way. */
export function parseNativeLine(line: string): Frame | undefined {
  const first = line.charCodeAt(0)
  if (first === 35) return parseDebuggerLine(line)
  if (first < 48 || first > 57) return undefined
  const space = line.indexOf(' ')
  const address = addressAt(line, space)
  if (space < 1 || space > 4 || address < 0) return undefined
  const module = line.slice(space, address).trim()
  const end = line.indexOf(' ', address)
  if (end < 0) return frame({ module })
  let symbol = line.slice(end + 1).trim()
  // Apple adds the place: `load(id:) + 212 (OrderViewModel.swift:42)`.
  const place = symbol.endsWith(')') ? symbol.lastIndexOf(' (') : -1
  if (place > 0 && symbol.lastIndexOf(' + ', place) > 0) symbol = symbol.slice(0, place)
  const plus = symbol.lastIndexOf(' + ')
  return frame({
    module: module === '???' ? undefined : module,
    function: plus > 0 && readNumber(symbol, plus + 3) >= 0 ? symbol.slice(0, plus) : symbol,
  })
}

/** Where the address begins, after a space or a tab. */
function addressAt(line: string, from: number): number {
  const spaced = line.indexOf(' 0x', from)
  const tabbed = line.indexOf('\t0x', from)
  const at = spaced < 0 || (tabbed >= 0 && tabbed < spaced) ? tabbed : spaced
  return at < 0 ? -1 : at + 1
}

/** `#3  0x0000 in fn (a=1) at file.c:12` or `from lib.so`; Android's `#00 pc 0001 /lib/x.so (fn+12)`. */
function parseDebuggerLine(line: string): Frame | undefined {
  const space = line.indexOf(' ')
  if (space < 2 || readNumber(line, 1) < 0) return undefined
  let rest = line.slice(space + 1).trim()
  if (rest.startsWith('pc ')) return parseAndroid(rest)
  if (rest.startsWith('0x')) {
    const marker = rest.indexOf(' in ')
    if (marker < 0) return undefined
    rest = rest.slice(marker + 4)
  }
  const open = rest.indexOf(' (')
  if (open <= 0) return undefined
  const place = rest.lastIndexOf(') at ')
  const from = rest.lastIndexOf(') from ')
  const location = place > 0 ? rest.slice(place + 5) : ''
  const colon = location.lastIndexOf(':')
  return frame({
    function: rest.slice(0, open),
    file: place > 0 ? (colon > 0 ? location.slice(0, colon) : location) : undefined,
    module: place < 0 && from > 0 ? rest.slice(from + 7) : undefined,
    line: colon > 0 ? readNumber(location, colon + 1) : undefined,
  })
}

function parseAndroid(rest: string): Frame | undefined {
  const parts = rest.split(' ').filter((part) => part !== '')
  const library = parts[2]
  if (library === undefined) return undefined
  const open = rest.indexOf('(')
  const symbol = open > 0 ? rest.slice(open + 1, rest.lastIndexOf(')')) : ''
  const plus = symbol.lastIndexOf('+')
  return frame({ module: library, function: plus > 0 ? symbol.slice(0, plus) : symbol })
}

/** A Go function line: `acme/billing.(*Service).Load(0xc000, 0x1)`; its place is the next line. */
export function parseGoFunction(line: string): Frame | undefined {
  let name = line
  // Who started the goroutine is not on its stack.
  if (name.startsWith('created by ') || !name.endsWith(')')) return undefined
  const open = name.lastIndexOf('(')
  if (open <= 0) return undefined
  name = name.slice(0, open)
  if (name.includes(' ') || !name.includes('.'))
    return name === 'panic' ? frame({ function: name }) : undefined
  const slash = name.lastIndexOf('/')
  const dot = name.indexOf('.', slash + 1)
  return dot < 0 ? undefined : frame({ module: name.slice(0, dot), function: name.slice(dot + 1) })
}

/** The place of a Go frame: `\t/src/service.go:12 +0x1d`. */
export function parseGoPlace(line: string): { file: string; line: number } | undefined {
  const marker = line.lastIndexOf('.go:')
  if (marker < 0) return undefined
  return { file: line.slice(0, marker + 3).trim(), line: readNumber(line, marker + 4) }
}

/** A Rust function line: `   4: acme::billing::load` (its place follows: `at src/billing.rs:12:5`). */
export function parseRustFunction(line: string): Frame | undefined {
  const colon = line.indexOf(': ')
  if (colon < 1 || colon > 4 || readNumber(line, 0) < 0) return undefined
  let name = line.slice(colon + 2).trim()
  if (name.startsWith('0x')) {
    const dash = name.indexOf(' - ')
    if (dash > 0) name = name.slice(dash + 3)
  }
  return name === '' || name.includes(' 0x') ? undefined : frame({ function: name })
}

/** `#0      State.build (package:app/main.dart:12:5)`. */
export function parseDartLine(line: string): Frame | undefined {
  if (line.charCodeAt(0) !== 35 || !line.endsWith(')')) return undefined
  const space = line.indexOf(' ')
  const open = line.lastIndexOf(' (')
  if (space < 2 || open <= space) return undefined
  const place = line.slice(open + 2, -1)
  const marker = place.indexOf('.dart')
  if (marker < 0) return undefined
  return frame({
    function: line.slice(space, open).trim(),
    file: place.slice(0, marker + 5),
    line: place.charCodeAt(marker + 5) === 58 ? readNumber(place, marker + 6) : undefined,
  })
}
