/** One frame; the first frame of a list is where the error was thrown. */
export interface Frame {
  function?: string
  file?: string
  module?: string
  line?: number
  column?: number
  /** Given by the sender, else decided by the rules of in-app-rules.ts. */
  in_app?: boolean
}

export const PLATFORMS = [
  'javascript',
  'java',
  'dotnet',
  'python',
  'ruby',
  'php',
  'go',
  'rust',
  'elixir',
  'dart',
  'native',
] as const
export type Platform = (typeof PLATFORMS)[number]

export interface ParsedException {
  type?: string
  message?: string
  frames: Frame[]
}

/** The outermost exception first, its causes after it. */
export interface ParsedStack {
  platform: Platform
  exceptions: ParsedException[]
}

/** Lines and characters of a raw stack that are read; the rest cannot change a group. */
export const STACK_LINES_MAX = 400
export const STACK_CHARS_MAX = 65_536
export const LINE_CHARS_MAX = 1024
export const FRAMES_MAX = 128
export const EXCEPTIONS_MAX = 8

/** Reads a decimal at `at`; -1 when there is none. */
export function readNumber(text: string, at: number): number {
  let value = -1
  for (let index = at; index < text.length && index < at + 9; index++) {
    const digit = text.charCodeAt(index) - 48
    if (digit < 0 || digit > 9) break
    value = (value < 0 ? 0 : value) * 10 + digit
  }
  return value
}

/** Adds only what is there: exact optional properties take no undefined. */
export function frame(parts: {
  function?: string | undefined
  file?: string | undefined
  module?: string | undefined
  line?: number | undefined
}): Frame {
  const made: Frame = {}
  if (parts.function) made.function = parts.function
  if (parts.file) made.file = parts.file
  if (parts.module) made.module = parts.module
  if (parts.line !== undefined && parts.line >= 0) made.line = parts.line
  return made
}

/**
 * Splits `Type: message`. A type has no spaces and looks like a name; otherwise the whole line is the
 * message.
 */
export function splitHeader(line: string): { type?: string; message?: string } {
  const colon = line.indexOf(': ')
  const head = colon > 0 ? line.slice(0, colon) : line.endsWith(':') ? line.slice(0, -1) : line
  if (head.length > 0 && head.length <= 160 && isTypeName(head)) {
    const message = colon > 0 ? line.slice(colon + 2) : ''
    return message === '' ? { type: head } : { type: head, message }
  }
  return line === '' ? {} : { message: line }
}

function isTypeName(text: string): boolean {
  const first = text.charCodeAt(0)
  const startsWithLetter = (first | 32) >= 97 && (first | 32) <= 122
  return startsWithLetter && !text.includes(' ') && !text.includes('/') && !text.includes('=')
}
