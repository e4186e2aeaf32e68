import {
  ALPHA,
  classOf,
  COLON,
  DASH,
  DIGIT,
  DOT,
  HEX_LETTER,
  LETTER,
  measure,
  OTHER,
  PLUS,
  SPACE,
  UNDERSCORE,
  type Shape,
} from './char-class.ts'
import { NAMES_WITH_DIGITS } from './lexicon.ts'

/** `suffix`: a constant name joined to a number by a dot or a dash, as in `core.1694`. */
export type AtomType =
  | 'word'
  | 'mixed'
  | 'number'
  | 'hex'
  | 'uuid'
  | 'time'
  | 'id'
  | 'name'
  | 'suffix'

const shape: Shape = { mask: 0, digits: 0, digitRuns: 0, letters: 0 }

/** A run of hexadecimal digits this long, one of them a decimal one, is no word with a number. */
const HEX_CHARS_MIN = 8
/** Digits in a name from which on it is an identifier as a whole. */
const ID_DIGITS = 4
const ID_RUNS = 4
const KNOWN_NAME_CHARS_MAX = 9

/** Classifies a run with digits and without spaces, delimiters, colons and slashes. */
export function atomType(text: string, start: number, end: number): AtomType {
  const { mask, digits, digitRuns, letters } = measure(text, start, end, shape)
  if ((mask & DIGIT) === 0) return 'word'
  if (letters === 0) return 'number'
  const length = end - start
  const first = classOf(text.charCodeAt(start))
  if (isPrefixedHex(text, start, end)) return 'hex'
  if ((mask & ~(DIGIT | HEX_LETTER | DASH)) === 0) {
    if (mask & DASH && length >= 32) return 'uuid'
    if ((length >= 6 && digits >= 2) || length >= HEX_CHARS_MIN) return 'hex'
  }
  if (first === DIGIT && digits >= 8 && mask & LETTER && mask & DASH) return 'time'
  if (isQuantity(text, start, end, first)) return 'number'
  if (mask & DOT && countDots(text, start, end) >= 2) return 'id'
  if (isSuffix(text, start, end, mask)) return 'suffix'
  if (mask & DOT && mask & (DASH | UNDERSCORE)) return 'id'
  if (digits >= ID_DIGITS || digitRuns >= ID_RUNS)
    return isKnownName(text, start, end) ? 'word' : 'id'
  return isKnownName(text, start, end) ? 'word' : 'mixed'
}

function isKnownName(text: string, start: number, end: number): boolean {
  return (
    end - start <= KNOWN_NAME_CHARS_MAX &&
    NAMES_WITH_DIGITS.has(text.slice(start, end).toLowerCase())
  )
}

function countDots(text: string, start: number, end: number): number {
  let dots = 0
  for (let at = start + 1; at < end - 1; at++) if (text.charCodeAt(at) === 46) dots++
  return dots
}

/**
 * A dotted name of three parts or more is a host, a package or a property: what it names varies. Names of
 * errors stay, they say what happened.
 */
export function isDottedName(text: string, start: number, end: number): boolean {
  let dots = 0
  for (let at = start; at < end; at++) {
    if (text.charCodeAt(at) !== 46) continue
    if (at === start || at === end - 1 || text.charCodeAt(at - 1) === 46) return false
    dots++
  }
  if (dots < 2) return false
  return !(endsWith(text, end, 'Exception') || endsWith(text, end, 'Error'))
}

function endsWith(text: string, end: number, suffix: string): boolean {
  return text.startsWith(suffix, end - suffix.length)
}

function isPrefixedHex(text: string, start: number, end: number): boolean {
  if (end - start < 3 || text.charCodeAt(start) !== 48) return false
  const marker = text.charCodeAt(start + 1) | 32
  if (marker !== 120) return false
  for (let at = start + 2; at < end; at++) {
    if ((classOf(text.charCodeAt(at)) & (DIGIT | HEX_LETTER)) === 0) return false
  }
  return true
}

/** A number with a unit: `10ms`, `-3.5GB`, `41C`, `99%`. */
function isQuantity(text: string, start: number, end: number, first: number): boolean {
  if ((first & (DIGIT | DASH | PLUS)) === 0) return false
  let at = start
  if (first !== DIGIT) at++
  const digitsFrom = at
  while (at < end && classOf(text.charCodeAt(at)) & (DIGIT | DOT)) at++
  if (at === digitsFrom || end - at > 4) return false
  for (; at < end; at++) {
    if ((classOf(text.charCodeAt(at)) & (ALPHA | OTHER)) === 0) return false
  }
  return true
}

/** One joiner, letters before it, only digits after it. */
function isSuffix(text: string, start: number, end: number, mask: number): boolean {
  if (mask & UNDERSCORE) return false
  let at = start
  while (at < end && classOf(text.charCodeAt(at)) & ALPHA) at++
  if (at - start < 3 || at >= end - 1) return false
  if ((classOf(text.charCodeAt(at)) & (DOT | DASH)) === 0) return false
  for (at++; at < end; at++) {
    if ((classOf(text.charCodeAt(at)) & DIGIT) === 0) return false
  }
  return true
}

/** Hexadecimal groups between at least two colons: a hardware or IPv6 address. */
export function isHexRun(text: string, start: number, end: number): boolean {
  let colons = 0
  for (let at = start; at < end; at++) {
    const bit = classOf(text.charCodeAt(at))
    if (bit === COLON) colons++
    else if ((bit & (DIGIT | HEX_LETTER | DOT)) === 0) return false
  }
  return colons >= 2
}

function isRunBreak(text: string, at: number, limit: number): boolean {
  const code = text.charCodeAt(at)
  if (classOf(code) === SPACE) return true
  if (code === 34 || code === 39 || code === 96 || code === 60 || code === 62 || code === 124)
    return true
  if (code === 44 || code === 59)
    return at + 1 >= limit || classOf(text.charCodeAt(at + 1)) === SPACE
  return false
}

/**
 * Where a path or URL that begins at `start` ends: at a space, a quote, a closing bracket it did not open,
 * a comma before a space; a final dot or colon is not part of it.
 */
export function endOfRun(text: string, start: number, limit: number): number {
  let end = start
  let depth = 0
  for (; end < limit && !isRunBreak(text, end, limit); end++) {
    const code = text.charCodeAt(end)
    if (code === 40 || code === 91 || code === 123) depth++
    else if ((code === 41 || code === 93 || code === 125) && --depth < 0) break
  }
  while (end > start + 1 && classOf(text.charCodeAt(end - 1)) & (DOT | COLON)) end--
  return end
}
