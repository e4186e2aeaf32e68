import {
  ALPHA,
  AT,
  BACKSLASH,
  classOf,
  COLON,
  DASH,
  DELIMITER,
  DIGIT,
  DOT,
  LETTER,
  PLUS,
  SLASH,
  SPACE,
  OTHER,
  UNDERSCORE,
  WORD_BREAK,
} from './char-class.ts'
import { atomType, endOfPath, endOfUrl, isHexRun } from './token-type.ts'

/** What a variable looked like. `word` is a constant that was learned to vary. */
export const VARIABLE_TYPES = [
  'word',
  'mixed',
  'number',
  'hex',
  'uuid',
  'address',
  'time',
  'path',
  'url',
  'mail',
  'id',
  'value',
  'quoted',
  'boolean',
] as const
export type VariableType = (typeof VARIABLE_TYPES)[number]

export const WORD = 0
/** Letters with a few digits: its letters are constant, its digits are masked. */
export const MIXED = 1
const typeIndex = (type: VariableType): number => VARIABLE_TYPES.indexOf(type)
const NUMBER = typeIndex('number')
const ADDRESS = typeIndex('address')
const TIME = typeIndex('time')
const PATH = typeIndex('path')
const URL_TYPE = typeIndex('url')
const MAIL = typeIndex('mail')
const VALUE = typeIndex('value')
const QUOTED = typeIndex('quoted')
const BOOLEAN = typeIndex('boolean')

/** Characters of a message that are read; the rest is one variable. */
export const READ_CHARS_MAX = 2048
export const TOKENS_MAX = 256
const UNITS_MAX = 2 * TOKENS_MAX + 512
const VARIABLE_A = 0x5bd1e995 | 0
const VARIABLE_B = 0x1b873593 | 0

/**
 * The tokens of the message scanned last. A token is a word, a mixed word or a variable; delimiters are
 * units without being tokens. Reused between calls: copy what must stay.
 */
export interface Scan {
  text: string
  /** Characters read, ≤ READ_CHARS_MAX. */
  length: number
  count: number
  /** Index into VARIABLE_TYPES. */
  kind: Uint8Array
  start: Int32Array
  end: Int32Array
  /** The unit each token became. */
  unit: Int32Array
  unitCount: number
  unitA: Int32Array
  unitB: Int32Array
  /** Hash of what the skeleton hides but the text of the template shows: mixed words, lengths of lists. */
  fine: number
}

export function createScan(): Scan {
  return {
    text: '',
    length: 0,
    count: 0,
    kind: new Uint8Array(TOKENS_MAX + 8),
    start: new Int32Array(TOKENS_MAX + 8),
    end: new Int32Array(TOKENS_MAX + 8),
    unit: new Int32Array(TOKENS_MAX + 8),
    unitCount: 0,
    unitA: new Int32Array(UNITS_MAX + 8),
    unitB: new Int32Array(UNITS_MAX + 8),
    fine: 0,
  }
}

const full = (scan: Scan): boolean => scan.count >= TOKENS_MAX || scan.unitCount >= UNITS_MAX

function pushSymbol(scan: Scan, code: number): void {
  if (scan.unitCount >= UNITS_MAX) return
  scan.unitA[scan.unitCount] = Math.imul(code + 1, 0x9e3779b1)
  scan.unitB[scan.unitCount] = Math.imul(code + 7, 0x85ebca6b)
  scan.unitCount++
}

function pushSymbols(scan: Scan, start: number, end: number): void {
  for (let at = start; at < end; at++) pushSymbol(scan, scan.text.charCodeAt(at))
}

/** True when only a separator of list items lies between the last token and `start`. */
function continuesList(scan: Scan, start: number): boolean {
  const last = scan.count - 1
  if (last < 0) return false
  const units = scan.unitCount - 1 - (scan.unit[last] as number)
  if (units < 1 || units > 2) return false
  const gapStart = scan.end[last] as number
  if (start - gapStart > 2) return false
  for (let at = gapStart; at < start; at++) {
    const code = scan.text.charCodeAt(at)
    if (code !== 32 && code !== 44 && code !== 124) return false
  }
  return true
}

function pushToken(scan: Scan, kind: number, start: number, end: number): void {
  if (full(scan)) return
  const index = scan.count++
  scan.kind[index] = kind
  scan.start[index] = start
  scan.end[index] = end
  scan.unit[index] = scan.unitCount
}

function pushVariable(scan: Scan, kind: number, start: number, end: number): void {
  const previous = scan.count - 1
  const isListItem =
    previous >= 0 && (scan.kind[previous] as number) > MIXED && continuesList(scan, start)
  if (isListItem) {
    scan.unitCount = scan.unit[previous] as number
    scan.fine = (Math.imul(scan.fine, 31) + 17) | 0
  }
  pushToken(scan, kind, start, end)
  scan.unitA[scan.unitCount] = VARIABLE_A
  scan.unitB[scan.unitCount] = VARIABLE_B
  scan.unitCount++
}

function pushWord(scan: Scan, start: number, end: number): void {
  if (start >= end) return
  const text = scan.text
  let a = 0x811c9dc5 | 0
  let b = 0x27d4eb2f | 0
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ code, 0x5bd1e995)
    b ^= b >>> 15
  }
  if (isBoolean(text, start, end)) {
    pushVariable(scan, BOOLEAN, start, end)
    return
  }
  pushToken(scan, WORD, start, end)
  scan.unitA[scan.unitCount] = a
  scan.unitB[scan.unitCount] = b
  scan.unitCount++
}

function isBoolean(text: string, start: number, end: number): boolean {
  const length = end - start
  if (length === 4) return text.startsWith('true', start)
  return length === 5 && text.startsWith('false', start)
}

/** A word whose digit runs are masked; what they were goes into the fine hash. */
function pushMixed(scan: Scan, start: number, end: number): void {
  const text = scan.text
  let a = 0x811c9dc5 | 0
  let b = 0x27d4eb2f | 0
  let fine = scan.fine
  let inDigits = false
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    const isDigit = code >= 48 && code <= 57
    fine = (Math.imul(fine, 31) + code) | 0
    if (isDigit && inDigits) continue
    inDigits = isDigit
    const unit = isDigit ? 48 : code
    a = Math.imul(a ^ unit, 0x01000193)
    b = Math.imul(b ^ unit, 0x5bd1e995)
    b ^= b >>> 15
  }
  scan.fine = fine
  pushToken(scan, MIXED, start, end)
  scan.unitA[scan.unitCount] = a ^ 0x2545f491
  scan.unitB[scan.unitCount] = b
  scan.unitCount++
}

/** Splits `text[start, end)` at colons into words; there is nothing but letters and joiners in it. */
function pushWords(scan: Scan, start: number, end: number, mask: number): void {
  if ((mask & COLON) === 0) {
    pushTrimmedWord(scan, start, end)
    return
  }
  let from = start
  for (let at = start; at <= end; at++) {
    if (at < end && scan.text.charCodeAt(at) !== 58) continue
    pushTrimmedWord(scan, from, at)
    if (at < end) pushSymbol(scan, 58)
    from = at + 1
  }
}

function pushTrimmedWord(scan: Scan, start: number, end: number): void {
  let last = end
  while (last > start && scan.text.charCodeAt(last - 1) === 46) last--
  pushWord(scan, start, last)
  pushSymbols(scan, last, end)
}

/** One atom: letters, digits, `_ . - $ %` without colons. */
function pushAtom(scan: Scan, start: number, end: number): void {
  const type = atomType(scan.text, start, end)
  if (type === 'word') pushTrimmedWord(scan, start, end)
  else if (type === 'mixed') pushMixed(scan, start, end)
  else if (type === 'suffix') {
    const split = lastJoiner(scan.text, start, end)
    pushWord(scan, start, split)
    pushSymbols(scan, split, split + 1)
    pushVariable(scan, NUMBER, split + 1, end)
  } else pushVariable(scan, typeIndex(type), start, end)
}

function lastJoiner(text: string, start: number, end: number): number {
  let at = end - 1
  while (at > start && (classOf(text.charCodeAt(at)) & (DOT | DASH)) === 0) at--
  return at
}

const NUMERIC = DIGIT | DOT | DASH | COLON | PLUS | OTHER

function pushDigitChunk(scan: Scan, start: number, end: number, mask: number): void {
  const text = scan.text
  if ((mask & ~NUMERIC) === 0) {
    pushVariable(scan, mask & COLON ? TIME : NUMBER, start, end)
    return
  }
  if (mask & COLON) {
    if (isHexRun(text, start, end)) {
      pushVariable(scan, ADDRESS, start, end)
      return
    }
    const colon = text.lastIndexOf(':', end - 1)
    const port = colon + 1
    const hostHasDot = colon > start && hasJoiner(text, start, colon)
    if (hostHasDot && isDigits(text, port, end) && text.indexOf(':', start) === colon) {
      pushVariable(scan, ADDRESS, start, end)
      return
    }
    let from = start
    for (let at = start; at <= end; at++) {
      if (at < end && text.charCodeAt(at) !== 58) continue
      if (at > from) pushAtom(scan, from, at)
      if (at < end) pushSymbol(scan, 58)
      from = at + 1
    }
    return
  }
  pushAtom(scan, start, end)
}

function hasJoiner(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (classOf(text.charCodeAt(at)) & (DOT | DASH | DIGIT)) return true
  }
  return false
}

function isDigits(text: string, start: number, end: number): boolean {
  if (start >= end) return false
  for (let at = start; at < end; at++) {
    if (classOf(text.charCodeAt(at)) !== DIGIT) return false
  }
  return true
}

/** A chunk that holds a slash, a backslash or an at sign. Returns where reading goes on. */
function pushSpecialChunk(scan: Scan, start: number, end: number, mask: number): number {
  const text = scan.text
  if (mask & SLASH) {
    const scheme = text.indexOf('://', start)
    if (scheme > start && scheme < end) {
      const stop = endOfUrl(text, start, scan.length)
      pushVariable(scan, URL_TYPE, start, stop)
      return stop
    }
    const first = text.charCodeAt(start)
    if (first === 47 && end - start > 1) {
      const stop = endOfPath(text, start, scan.length)
      pushVariable(scan, PATH, start, stop)
      return stop
    }
    return pushSlashed(scan, start, end, mask)
  }
  if (mask & BACKSLASH) {
    const drive = text.charCodeAt(start + 1) === 58 || text.charCodeAt(start) === 92
    if (drive && end - start > 3) {
      const stop = endOfPath(text, start, scan.length)
      pushVariable(scan, PATH, start, stop)
      return stop
    }
  }
  pushAround(scan, start, end, mask)
  return end
}

function pushSlashed(scan: Scan, start: number, end: number, mask: number): number {
  const text = scan.text
  if ((mask & ~(NUMERIC | SLASH)) === 0) {
    pushVariable(scan, mask & DIGIT ? TIME : PATH, start, end)
    return end
  }
  const slash = text.indexOf('/', start)
  const second = text.indexOf('/', slash + 1)
  const isPath = (second > 0 && second < end && slash > start) || (mask & DOT && mask & ALPHA)
  if (isPath && slash < end - 1) {
    const stop = endOfPath(text, start, scan.length)
    pushVariable(scan, PATH, start, stop)
    return stop
  }
  pushAround(scan, start, end, mask)
  return end
}

/** Splits at `/`, `\` and `@` and pushes the parts on their own. */
function pushAround(scan: Scan, start: number, end: number, mask: number): void {
  const text = scan.text
  if (mask & AT && isMail(text, start, end)) {
    pushVariable(scan, MAIL, start, end)
    return
  }
  let from = start
  for (let at = start; at <= end; at++) {
    if (at < end && (classOf(text.charCodeAt(at)) & (SLASH | BACKSLASH | AT)) === 0) continue
    if (at > from) pushPlainChunk(scan, from, at)
    if (at < end) pushSymbols(scan, at, at + 1)
    from = at + 1
  }
}

function isMail(text: string, start: number, end: number): boolean {
  const at = text.indexOf('@', start)
  if (at <= start || at >= end - 1) return false
  const dot = text.indexOf('.', at)
  return dot > at && dot < end - 1 && text.indexOf('@', at + 1) < 0
}

function pushPlainChunk(scan: Scan, start: number, end: number): void {
  let mask = 0
  for (let at = start; at < end; at++) mask |= classOf(scan.text.charCodeAt(at))
  if (mask & DIGIT) pushDigitChunk(scan, start, end, mask)
  else pushWords(scan, start, end, mask)
}

/** Reads one chunk at `start`; returns where reading goes on. */
function scanChunk(scan: Scan, start: number): number {
  const text = scan.text
  let end = start
  let mask = 0
  while (end < scan.length) {
    const bit = classOf(text.charCodeAt(end))
    if (bit & WORD_BREAK) break
    mask |= bit
    end++
  }
  let last = end
  while (last > start && (classOf(text.charCodeAt(last - 1)) & (COLON | DOT)) !== 0) last--
  if (last === start) {
    pushSymbols(scan, start, end)
    return end
  }
  const dots = mask & DOT ? text.indexOf('..', start) : -1
  if (dots > start && dots < last) {
    pushPlainChunk(scan, start, dots)
    let after = dots
    while (after < last && text.charCodeAt(after) === 46) after++
    pushSymbols(scan, dots, after)
    return after
  }
  if (mask & (SLASH | BACKSLASH | AT)) {
    const stop = pushSpecialChunk(scan, start, last, mask)
    if (stop > last) return stop
  } else if (mask & DIGIT) pushDigitChunk(scan, start, last, mask)
  else pushWords(scan, start, last, mask)
  pushSymbols(scan, last, end)
  return end
}

const QUOTED_CHARS_MAX = 64

/** A quoted run without spaces is a name: returns its end quote, or -1. */
function endOfQuoted(scan: Scan, open: number): number {
  const text = scan.text
  const quote = text.charCodeAt(open)
  const limit = Math.min(scan.length, open + QUOTED_CHARS_MAX)
  if (open > 0 && (classOf(text.charCodeAt(open - 1)) & WORD_BREAK) === 0) {
    const before = text.charCodeAt(open - 1)
    if (before !== 61 && before !== 58) return -1
  }
  for (let at = open + 1; at < limit; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      const next = at + 1 < scan.length ? classOf(text.charCodeAt(at + 1)) : SPACE
      return at > open + 1 && (next & ALPHA) === 0 ? at : -1
    }
    if (classOf(code) & SPACE) return -1
  }
  return -1
}

/** `=` right after a name and right before something: what follows is its value. */
function endOfValue(scan: Scan, equals: number): number {
  const text = scan.text
  if (equals === 0 || equals + 1 >= scan.length) return -1
  const before = text.charCodeAt(equals - 1)
  if (
    before !== 32 &&
    (classOf(before) & (ALPHA | DIGIT | UNDERSCORE | LETTER)) === 0 &&
    before !== 93
  )
    return -1
  let end = equals + 1
  while (end < scan.length && (classOf(text.charCodeAt(end)) & WORD_BREAK) === 0) end++
  if (end === equals + 1) return -1
  const after = end < scan.length ? text.charCodeAt(end) : 32
  if (after === 40 || after === 123 || after === 91 || after === 60) return -1
  while (end > equals + 2 && classOf(text.charCodeAt(end - 1)) & (DOT | COLON)) end--
  return end
}

/**
 * One pass over `text`: fills `scan` with typed tokens and the units whose hash is the skeleton. Cost is
 * bounded by READ_CHARS_MAX whatever the input.
 */
export function scanMessage(scan: Scan, message: string): void {
  // A slice, so that no search below can run past what is read.
  const text = message.length > READ_CHARS_MAX ? message.slice(0, READ_CHARS_MAX) : message
  scan.text = text
  scan.length = text.length
  scan.count = 0
  scan.unitCount = 0
  scan.fine = 0
  let at = 0
  while (at < scan.length && !full(scan)) {
    const code = text.charCodeAt(at)
    const bit = classOf(code)
    if (bit === SPACE) {
      pushSymbol(scan, 32)
      at++
      while (at < scan.length && classOf(text.charCodeAt(at)) === SPACE) at++
    } else if (bit === DELIMITER) at = scanDelimiter(scan, at, code)
    else at = scanChunk(scan, at)
  }
  if (at < message.length) pushVariable(scan, VALUE, at, text.length)
}

function scanDelimiter(scan: Scan, at: number, code: number): number {
  pushSymbol(scan, code)
  if (code === 61) {
    const end = endOfValue(scan, at)
    if (end > 0) {
      pushVariable(scan, VALUE, at + 1, end)
      return end
    }
  } else if (code === 39 || code === 34) {
    const close = endOfQuoted(scan, at)
    if (close > 0) {
      pushVariable(scan, QUOTED, at + 1, close)
      pushSymbol(scan, code)
      return close + 1
    }
  }
  return at + 1
}
