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

/** `suffix`: a constant name joined to a number by a dot or a dash, as in `core.1694`. */
export type AtomType = 'word' | 'mixed' | 'number' | 'hex' | 'uuid' | 'time' | 'id' | 'suffix'

const shape: Shape = { mask: 0, digits: 0, digitRuns: 0, letters: 0 }

/** Digits in a name from which on it is an identifier as a whole. */
const ID_DIGITS = 4
const ID_RUNS = 4

/** Classifies a run without spaces, delimiters, colons and slashes. */
export function atomType(text: string, start: number, end: number): AtomType {
  const { mask, digits, digitRuns, letters } = measure(text, start, end, shape)
  if ((mask & DIGIT) === 0) return 'word'
  if (letters === 0) return 'number'
  const first = classOf(text.charCodeAt(start))
  if (isPrefixedHex(text, start, end)) return 'hex'
  if ((mask & ~(DIGIT | HEX_LETTER | DASH)) === 0) {
    const length = end - start
    if (mask & DASH && length >= 32) return 'uuid'
    if ((length >= 6 && digits >= 2) || length >= 16) return 'hex'
  }
  if (first === DIGIT && digits >= 8 && mask & LETTER && mask & DASH) return 'time'
  if (isQuantity(text, start, end, first)) return 'number'
  if (isSuffix(text, start, end, mask)) return 'suffix'
  return digits >= ID_DIGITS || digitRuns >= ID_RUNS ? 'id' : 'mixed'
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
  while (at < end && classOf(text.charCodeAt(at)) & (DIGIT | DOT)) at++
  if (at === start || end - at > 4) return false
  for (; at < end; at++) {
    if ((classOf(text.charCodeAt(at)) & (ALPHA | OTHER)) === 0) return false
  }
  return true
}

/** One joiner, letters before it, only digits and joiners after it. */
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

/** A URL ends at a space, a quote or a closing bracket it did not open. */
export function endOfUrl(text: string, start: number, limit: number): number {
  return endOfRun(text, start, limit)
}

/** A path ends like a URL, and before `, ` and a final colon or dot. */
export function endOfPath(text: string, start: number, limit: number): number {
  return endOfRun(text, start, limit)
}

function isRunBreak(text: string, at: number, limit: number): boolean {
  const code = text.charCodeAt(at)
  if (classOf(code) === SPACE) return true
  if (code === 34 || code === 39 || code === 96 || code === 60 || code === 62) return true
  if (code === 41 || code === 93 || code === 125 || code === 124 || code === 40) return true
  if (code === 44 || code === 59)
    return at + 1 >= limit || classOf(text.charCodeAt(at + 1)) === SPACE
  return false
}

function endOfRun(text: string, start: number, limit: number): number {
  let end = start
  while (end < limit && !isRunBreak(text, end, limit)) end++
  while (end > start + 1 && classOf(text.charCodeAt(end - 1)) & (DOT | COLON)) end--
  return end
}
