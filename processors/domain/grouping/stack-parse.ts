import { detectPlatform } from './stack-detect.ts'
import {
  EXCEPTIONS_MAX,
  FRAMES_MAX,
  LINE_CHARS_MAX,
  PLATFORMS,
  splitHeader,
  STACK_CHARS_MAX,
  STACK_LINES_MAX,
  type Frame,
  type ParsedException,
  type ParsedStack,
  type Platform,
} from './stack-frame.ts'
import { addFrame, parseHeaded } from './stack-parse-headed.ts'
import { parseJavascriptLine } from './stack-parse-javascript.ts'
import { parseDotnetLine, parseJavaLine } from './stack-parse-managed.ts'
import {
  parseDartLine,
  parseGoFunction,
  parseGoPlace,
  parseNativeLine,
  parseRustFunction,
} from './stack-parse-native.ts'
import {
  parseElixirLine,
  parsePhpLine,
  parsePythonLine,
  parseRubyLine,
} from './stack-parse-script.ts'

/**
 * Reads a raw stack trace of any known platform. Undefined when no line looks like a frame. `hint` is
 * used only when the text does not tell; it may be any word, unknown ones are ignored.
 */
export function parseStack(text: string, hint?: string): ParsedStack | undefined {
  const lines = readLines(text)
  const platform = detectPlatform(lines) ?? PLATFORMS.find((known) => known === hint)
  if (platform === undefined) return undefined
  const exceptions = parseLines(platform, lines)
  const hasFrames = exceptions.some((exception) => exception.frames.length > 0)
  return hasFrames ? { platform, exceptions } : undefined
}

function readLines(text: string): string[] {
  const read = text.length > STACK_CHARS_MAX ? text.slice(0, STACK_CHARS_MAX) : text
  const lines = read.split('\n', STACK_LINES_MAX)
  for (let at = 0; at < lines.length; at++) {
    let line = lines[at] as string
    if (line.length > LINE_CHARS_MAX) line = line.slice(0, LINE_CHARS_MAX)
    lines[at] = line.endsWith('\r') ? line.slice(0, -1) : line
  }
  return lines
}

function parseLines(platform: Platform, lines: readonly string[]): ParsedException[] {
  switch (platform) {
    case 'python':
      return parsePython(lines)
    case 'go':
      return parseGo(lines)
    case 'rust':
      return parseRust(lines)
    case 'ruby':
      return parseRuby(lines)
    case 'javascript':
      return parseHeaded(lines, parseJavascriptLine)
    case 'java':
      return parseHeaded(lines, parseJavaLine)
    case 'dotnet':
      return parseHeaded(lines, parseDotnetLine)
    case 'php':
      // PHP prints causes first.
      return parseHeaded(lines, parsePhpLine).toReversed()
    case 'elixir':
      return parseHeaded(lines, parseElixirLine)
    case 'dart':
      return parseHeaded(lines, parseDartLine)
    case 'native':
      return parseHeaded(lines, parseNativeLine)
  }
}

/** Tracebacks follow each other, causes first; frames run from the outermost inwards. */
function parsePython(lines: readonly string[]): ParsedException[] {
  const exceptions: ParsedException[] = []
  let frames: Frame[] = []
  for (const raw of lines) {
    const line = stripGroupMargin(raw)
    const trimmed = line.trim()
    const parsed = parsePythonLine(trimmed)
    if (parsed !== undefined) {
      frames.push(parsed)
      continue
    }
    const isHeader = frames.length > 0 && trimmed !== '' && line === line.trimStart()
    if (!isHeader || trimmed.startsWith('[Previous line repeated')) continue
    exceptions.push({ ...splitHeader(trimmed), frames: frames.toReversed().slice(0, FRAMES_MAX) })
    frames = []
  }
  if (frames.length > 0) exceptions.push({ frames: frames.toReversed().slice(0, FRAMES_MAX) })
  // An exception group comes before what it holds.
  const isGroup = lines.some((line) => line.includes('+ Exception Group Traceback'))
  return (isGroup ? exceptions : exceptions.toReversed()).slice(0, EXCEPTIONS_MAX)
}

/** Exception groups are drawn with a margin: `  | ValueError: 1`. */
function stripGroupMargin(line: string): string {
  const bar = line.indexOf('| ')
  return bar >= 0 && line.slice(0, bar).trim() === '' ? line.slice(bar + 2) : line
}

function parseRuby(lines: readonly string[]): ParsedException[] {
  const exceptions: ParsedException[] = []
  for (const raw of lines) {
    const line = raw.trim()
    const parsed = parseRubyLine(line)
    if (parsed === undefined) continue
    if (parsed.rest !== '' || exceptions.length === 0) {
      if (exceptions.length >= EXCEPTIONS_MAX) break
      const open = parsed.rest.lastIndexOf(' (')
      const hasType = open > 0 && parsed.rest.endsWith(')')
      const message = hasType ? parsed.rest.slice(0, open) : parsed.rest
      const exception: ParsedException = { frames: [] }
      if (hasType) exception.type = parsed.rest.slice(open + 2, -1)
      if (message !== '') exception.message = message
      exceptions.push(exception)
    }
    addFrame(exceptions.at(-1) as ParsedException, parsed.frame)
  }
  return exceptions
}

/** Only the first goroutine: the others did not fail. */
function parseGo(lines: readonly string[]): ParsedException[] {
  const exception: ParsedException = { frames: [] }
  let pending: Frame | undefined
  let goroutines = 0
  for (const raw of lines) {
    const line = raw.trim()
    if (line.startsWith('goroutine ')) {
      if (++goroutines > 1) break
      continue
    }
    if (line.startsWith('panic: ') && exception.message === undefined) {
      const header = splitHeader(line.slice(7).replace(' [recovered]', ''))
      const isError = header.type?.endsWith('Error') === true && header.message !== undefined
      exception.type = isError ? (header.type as string) : 'panic'
      exception.message = isError ? (header.message ?? '') : line.slice(7)
      continue
    }
    const place = parseGoPlace(line)
    if (place !== undefined && pending !== undefined) {
      addFrame(exception, { ...pending, ...place })
      pending = undefined
      continue
    }
    pending = parseGoFunction(line)
    if (pending === undefined && exception.type === undefined && goroutines === 0 && line !== '')
      Object.assign(exception, splitHeader(line))
  }
  return [exception]
}

function parseRust(lines: readonly string[]): ParsedException[] {
  const exception: ParsedException = { frames: [] }
  let wantsMessage = false
  for (const raw of lines) {
    const line = raw.trim()
    const panicked = line.indexOf(' panicked at ')
    if (panicked > 0) {
      exception.type = 'panic'
      const text = line.slice(panicked + 13)
      const quoted = text.startsWith("'") ? text.lastIndexOf("', ") : -1
      wantsMessage = quoted < 0
      if (quoted > 0) exception.message = text.slice(1, quoted)
      continue
    }
    if (wantsMessage && line !== '') {
      exception.message = line
      wantsMessage = false
      continue
    }
    const last = exception.frames.at(-1)
    if (line.startsWith('at ') && last !== undefined)
      last.file ??= line.slice(3).replace(/:\d+(?::\d+)?$/u, '')
    else {
      const parsed = parseRustFunction(line)
      if (parsed !== undefined) addFrame(exception, parsed)
      else if (
        last === undefined &&
        exception.message === undefined &&
        line !== '' &&
        line !== 'stack backtrace:'
      )
        Object.assign(exception, splitHeader(line))
    }
  }
  return [exception]
}
