import {
  EXCEPTIONS_MAX,
  FRAMES_MAX,
  splitHeader,
  type Frame,
  type ParsedException,
} from './stack-frame.ts'

const CAUSE_PREFIXES = [
  'Caused by: ',
  'Suppressed: ',
  '---> ',
  '[cause]: ',
  'Next ',
  'Wrapped by: ',
]
const HEADER_PREFIXES = [
  'PHP Fatal error:  Uncaught ',
  'PHP Fatal error: Uncaught ',
  'Fatal error: Uncaught ',
  'Uncaught (in promise) ',
  'Uncaught ',
  'Unhandled exception. ',
  'Unhandled Exception: ',
  'Fatal Exception: ',
]
/** Lines that only say that something follows. */
const HEADER_LINES = new Set([
  'Unhandled exception:',
  'Stack trace:',
  'Stacktrace:',
  'stack backtrace:',
  'backtrace:',
])

export function addFrame(exception: ParsedException, frame: Frame): void {
  if (exception.frames.length < FRAMES_MAX) exception.frames.push(frame)
}

/** A header line, then frames; a line that announces a cause starts the next exception. */
export function parseHeaded(
  lines: readonly string[],
  parseLine: (line: string) => Frame | undefined,
): ParsedException[] {
  const exceptions: ParsedException[] = []
  // Exceptions whose frames are still to come: .NET prints causes inside.
  const open: ParsedException[] = []
  const start = (header: string): void => {
    // .NET puts the cause on the same line: `Outer: text ---> Inner: text`.
    for (const part of header.split(' ---> ', EXCEPTIONS_MAX)) {
      const exception = headed(part)
      exceptions.push(exception)
      open.push(exception)
    }
  }
  for (const raw of lines) {
    const line = raw.trim()
    if (line === '') continue
    const parsed = parseLine(line)
    if (parsed !== undefined) {
      if (exceptions.length === 0) start('')
      addFrame(open.at(-1) as ParsedException, parsed)
      continue
    }
    if (exceptions.length >= EXCEPTIONS_MAX) break
    if (line.startsWith('--- End of inner')) {
      if (open.length > 1) open.pop()
      continue
    }
    const current = open.at(-1)
    const cause = CAUSE_PREFIXES.find((prefix) => line.startsWith(prefix))
    if (cause !== undefined) start(line.slice(cause.length))
    else if (current === undefined) {
      if (!HEADER_LINES.has(line) && !line.endsWith('Crashed:')) start(line)
    } else if (current.frames.length === 0) improveHeader(current, line)
    else if (isErrorHeader(line)) start(line)
  }
  return exceptions
}

/** An Elixir report names the error after lines of its own. */
function improveHeader(exception: ParsedException, line: string): void {
  if (line.startsWith('** (')) Object.assign(exception, headed(line))
}

/** After frames, `TypeError: …` is a further error: aggregates print theirs one after the other. */
function isErrorHeader(line: string): boolean {
  const colon = line.indexOf(': ')
  const type = colon < 0 ? line : line.slice(0, colon)
  return /^[A-Za-z][\w.$]{0,99}(?:Error|Exception)$/u.test(type)
}

function headed(line: string): ParsedException {
  if (line.startsWith('** (')) {
    const close = line.indexOf(') ')
    if (close > 0) return { type: line.slice(4, close), message: line.slice(close + 2), frames: [] }
  }
  let text = line
  if (text.startsWith('Exception in thread "')) {
    const quote = text.indexOf('" ')
    if (quote > 0) text = text.slice(quote + 2)
  } else {
    const prefix = HEADER_PREFIXES.find((known) => text.startsWith(known))
    if (prefix !== undefined) text = text.slice(prefix.length)
  }
  return { ...splitHeader(withoutPlace(text)), frames: [] }
}

/** PHP ends a header with ` in /app/x.php:12`. */
function withoutPlace(text: string): string {
  const place = text.lastIndexOf(' in ')
  return place > 0 && /^\S+\.(?:php|phtml|inc)(?::\d+|\(\d+\))$/u.test(text.slice(place + 4))
    ? text.slice(0, place)
    : text
}
