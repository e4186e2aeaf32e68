import {
  ALPHA,
  classOf,
  COLON,
  DELIMITER,
  DIGIT,
  DOT,
  maskOf,
  SPACE,
  UNDERSCORE,
  WORD_BREAK,
} from './char-class.ts'
import { endOfDate } from './date-words.ts'
import { AFTER_USER } from './lexicon.ts'
import {
  absorb,
  isFull,
  NAME,
  NUMBER,
  pushSymbol,
  pushVariable,
  pushWord,
  QUOTED,
  READ_CHARS_MAX,
  TIME,
  VALUE,
  WORD,
  type Scan,
} from './scan.ts'
import { scanChunk } from './scan-chunk.ts'

const QUOTED_CHARS_MAX = 64
const BRACED_CHARS_MAX = 200

/**
 * One pass over `message`: fills `scan` with typed tokens and the units whose hash is the skeleton. Cost is
 * bounded by READ_CHARS_MAX whatever the input.
 */
export function scanMessage(scan: Scan, message: string): void {
  // A slice, so that no search can run past what is read.
  const text = message.length > READ_CHARS_MAX ? cut(message) : message
  scan.text = text
  scan.length = text.length
  scan.count = 0
  scan.unitCount = 0
  scan.fine = 0
  let at = 0
  while (at < scan.length && !isFull(scan)) {
    const code = text.charCodeAt(at)
    const bit = classOf(code)
    if (bit === SPACE) {
      do at++
      while (at < scan.length && classOf(text.charCodeAt(at)) === SPACE)
      // Space at either end of a message says nothing.
      if (at < scan.length && scan.unitCount > 0) pushSymbol(scan, 32)
    } else if (bit === DELIMITER) at = scanDelimiter(scan, at, code)
    else {
      const known = bit & ALPHA ? scanKnown(scan, at) : -1
      at = known > 0 ? known : scanChunk(scan, at)
    }
  }
  if (at < message.length) pushVariable(scan, VALUE, Math.min(at, text.length), text.length)
}

/** A date in words, or the name of a user; -1 when there is neither. */
function scanKnown(scan: Scan, at: number): number {
  const date = endOfDate(scan.text, at, scan.length)
  if (date > 0) {
    pushVariable(scan, TIME, at, date)
    return date
  }
  const user = followsUser(scan, at) ? endOfUser(scan, at) : -1
  if (user > 0) pushVariable(scan, NAME, at, user)
  return user
}

function followsUser(scan: Scan, at: number): boolean {
  const last = scan.count - 1
  if (last < 0 || scan.kind[last] !== WORD) return false
  const end = scan.end[last] as number
  if (end - (scan.start[last] as number) !== 4 || scan.text.charCodeAt(at - 1) !== 32) return false
  return scan.unitCount === (scan.unit[last] as number) + 2 && scan.text.startsWith('user', end - 4)
}

/** `for user root`, `invalid user admin from …`: a name before a preposition, a bracket or the end. */
function endOfUser(scan: Scan, start: number): number {
  const text = scan.text
  let end = start
  while (end < scan.length && (classOf(text.charCodeAt(end)) & (WORD_BREAK | COLON)) === 0) end++
  if (end >= scan.length) return text.startsWith('for user', start - 9) ? end : -1
  if (text.charCodeAt(end) !== 32) return -1
  const next = text.charCodeAt(end + 1)
  if (next === 91 || next === 40) return end
  const stop = endOfLetters(scan, end + 1)
  return AFTER_USER.has(text.slice(end + 1, stop)) ? end : -1
}

/** Cuts at a space, so that no half token is taken for a word. */
function cut(message: string): string {
  const text = message.slice(0, READ_CHARS_MAX)
  const space = text.lastIndexOf(' ')
  return space > READ_CHARS_MAX / 2 ? text.slice(0, space + 1) : text
}

function scanDelimiter(scan: Scan, at: number, code: number): number {
  if (code === 60) {
    const end = endOfLess(scan, at)
    if (end > 0) return end
  }
  pushSymbol(scan, code)
  if (code === 61) {
    const end = endOfValue(scan, at)
    if (end > 0) {
      pushVariable(scan, VALUE, at + 1, end)
      return end
    }
  } else if (code === 39 || code === 34) {
    const close = endOfQuoted(scan, at, code)
    if (close > 0) {
      pushQuoted(scan, at + 1, close)
      pushSymbol(scan, code)
      return close + 1
    }
  }
  return at + 1
}

/** `<1 sec` after a space is a number like any other. */
function endOfLess(scan: Scan, at: number): number {
  const text = scan.text
  if (at === 0 || text.charCodeAt(at - 1) !== 32) return -1
  let end = at + 1
  while (end < scan.length && classOf(text.charCodeAt(end)) & (DIGIT | DOT)) end++
  if (end === at + 1 || text.charCodeAt(end) !== 32) return -1
  const wordEnd = endOfLetters(scan, end + 1)
  if (wordEnd === end + 1) return -1
  pushVariable(scan, NUMBER, at, end)
  absorb(scan, wordEnd)
  return wordEnd
}

function endOfLetters(scan: Scan, from: number): number {
  let end = from
  while (end < scan.length && classOf(scan.text.charCodeAt(end)) & ALPHA) end++
  return end
}

/** A quoted word may be a state as well as a name: it is learned. Everything else in quotes is a name. */
function pushQuoted(scan: Scan, start: number, end: number): void {
  if ((maskOf(scan.text, start, end) & ~ALPHA) === 0) pushWord(scan, start, end)
  else pushVariable(scan, QUOTED, start, end)
}

/** The closing quote of a run without spaces (with spaces after `=`), or -1. */
function endOfQuoted(scan: Scan, open: number, quote: number): number {
  const text = scan.text
  const limit = Math.min(scan.length, open + QUOTED_CHARS_MAX)
  const before = open > 0 ? text.charCodeAt(open - 1) : 32
  if ((classOf(before) & WORD_BREAK) === 0 && before !== 58) return -1
  for (let at = open + 1; at < limit; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      const next = at + 1 < scan.length ? classOf(text.charCodeAt(at + 1)) : SPACE
      return at > open + 1 && (next & ALPHA) === 0 ? at : -1
    }
    if (classOf(code) & SPACE && before !== 61) return -1
  }
  return -1
}

/** `=` right after a name and right before something: what follows is its value. Returns its end, or -1. */
function endOfValue(scan: Scan, equals: number): number {
  const text = scan.text
  if (equals === 0 || equals + 1 >= scan.length) return -1
  const before = text.charCodeAt(equals - 1)
  const isNamed = before === 32 || before === 93 || classOf(before) & (ALPHA | DIGIT | UNDERSCORE)
  if (!isNamed) return -1
  const quote = text.charCodeAt(equals + 1)
  if (quote === 34 || quote === 39) return -1
  let end = equals + 1
  while (end < scan.length && (classOf(text.charCodeAt(end)) & WORD_BREAK) === 0) end++
  if (end === equals + 1) return -1
  const after = end < scan.length ? text.charCodeAt(end) : 32
  if (after === 123) return endOfBraced(scan, end)
  if (after === 40 || after === 91 || after === 60) return -1
  while (end > equals + 2 && classOf(text.charCodeAt(end - 1)) & (DOT | COLON)) end--
  return end
}

/** `WorkSource{10113}` is one value; braces with spaces or fields in them are read on their own. */
function endOfBraced(scan: Scan, open: number): number {
  const limit = Math.min(scan.length, open + BRACED_CHARS_MAX)
  for (let at = open + 1; at < limit; at++) {
    const code = scan.text.charCodeAt(at)
    if (code === 125) return at + 1
    if (code === 61 || code === 123 || classOf(code) === SPACE) return -1
  }
  return -1
}
