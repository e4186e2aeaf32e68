import { frame, readNumber, type Frame } from './stack-frame.ts'

/** `File "/srv/app/views.py", line 12, in view`. */
export function parsePythonLine(line: string): Frame | undefined {
  if (!line.startsWith('File "')) return undefined
  const quote = line.indexOf('", line ', 6)
  if (quote < 0) return undefined
  const name = line.indexOf(', in ', quote)
  return frame({
    file: line.slice(6, quote),
    line: readNumber(line, quote + 8),
    function: name < 0 ? undefined : line.slice(name + 5),
  })
}

export interface RubyLine {
  frame: Frame
  /** What follows the frame on the first line: `message (Type)`. */
  rest: string
}

/** ``from /app/x.rb:12:in `block in call'``; Ruby 3.4 writes `'Thing#call'`. */
export function parseRubyLine(line: string): RubyLine | undefined {
  const start = line.startsWith('from ') ? 5 : 0
  const marker = line.indexOf(':in ', start)
  if (marker < 0) return undefined
  const colon = line.lastIndexOf(':', marker - 1)
  if (colon <= start || readNumber(line, colon + 1) < 0) return undefined
  const open = line.charCodeAt(marker + 4)
  if (open !== 96 && open !== 39) return undefined
  const close = line.indexOf("'", marker + 5)
  if (close < 0) return undefined
  return {
    frame: frame({
      file: line.slice(start, colon),
      line: readNumber(line, colon + 1),
      function: line.slice(marker + 5, close),
    }),
    rest: line.startsWith(': ', close + 1) ? line.slice(close + 3) : '',
  }
}

/** `#0 /var/www/x.php(12): App\Thing->call()`, `#1 [internal function]: …`, `#2 {main}`. */
export function parsePhpLine(line: string): Frame | undefined {
  if (line.charCodeAt(0) !== 35) return undefined
  const space = line.indexOf(' ')
  if (space < 2 || readNumber(line, 1) < 0) return undefined
  const rest = line.slice(space + 1)
  if (rest.startsWith('{main}')) return frame({ function: '{main}' })
  const end = rest.indexOf('): ')
  const internal = rest.startsWith('[internal function]: ')
  if (end < 0 && !internal) return undefined
  const open = internal ? -1 : rest.lastIndexOf('(', end)
  const call = internal ? rest.slice(21) : rest.slice(end + 3)
  if (!internal && open < 0) return undefined
  return frame({
    file: internal ? undefined : rest.slice(0, open),
    line: internal ? undefined : readNumber(rest, open + 1),
    ...splitPhpCall(call),
  })
}

function splitPhpCall(call: string): { function: string; module: string | undefined } {
  const closure = call.indexOf('{closure')
  const arrow = call.indexOf('->')
  const scope = call.indexOf('::')
  const cut =
    arrow >= 0 && (scope < 0 || arrow < scope) && (closure < 0 || arrow < closure)
      ? arrow
      : scope >= 0 && (closure < 0 || scope < closure)
        ? scope
        : -1
  const name = cut < 0 ? call : call.slice(cut + 2)
  const open =
    name.startsWith('{closure') || name.includes('{closure')
      ? name.lastIndexOf('(')
      : name.indexOf('(')
  return {
    function: open < 0 ? name : name.slice(0, open),
    module: cut < 0 ? undefined : call.slice(0, cut),
  }
}

/** `(phoenix 1.7.0) lib/phoenix/router.ex:402: Phoenix.Router.__call__/5`, with or without the app. */
export function parseElixirLine(line: string): Frame | undefined {
  let start = 0
  let module: string | undefined
  if (line.charCodeAt(0) === 40) {
    const close = line.indexOf(') ')
    if (close < 0) return undefined
    module = line.slice(1, close)
    start = close + 2
  }
  const colon = line.indexOf(': ', start)
  const place = colon < 0 ? '' : line.slice(start, colon)
  const cut = place.lastIndexOf(':')
  const file = cut > 0 ? place.slice(0, cut) : ''
  if (colon < 0) {
    // An Erlang function without a place: `(stdlib 3.17) :lists.map/2`.
    const name = line.slice(start)
    return module !== undefined && /\/\d+$/u.test(name)
      ? frame({ function: name, file: `(${module})` })
      : undefined
  }
  if (!/\.(?:exs?|erl|eex|heex|leex)$/u.test(file)) return undefined
  return frame({
    function: withArity(line.slice(colon + 2)),
    file: module === undefined ? file : `(${module})/${file}`,
    line: readNumber(place, cut + 1),
  })
}

/** `Cart.add(nil, 3)` is `Cart.add/2`: a failed clause is shown with its arguments. */
function withArity(name: string): string {
  const open = name.indexOf('(')
  if (open <= 0 || !name.endsWith(')') || name.startsWith('anonymous fn')) return name
  let arity = name.length - open > 2 ? 1 : 0
  let depth = 0
  for (let at = open + 1; at < name.length - 1; at++) {
    const code = name.charCodeAt(at)
    if (code === 40 || code === 91 || code === 123) depth++
    else if (code === 41 || code === 93 || code === 125) depth--
    else if (code === 44 && depth === 0) arity++
  }
  return `${name.slice(0, open)}/${arity}`
}
