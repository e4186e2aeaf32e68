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
import { AFTER_USER, TELLING_KEYS } from './lexicon.ts'
import {
  absorb,
  isFull,
  MIXED,
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
  if (code === 44) {
    const end = endOfNames(scan, at)
    if (end > 0) return end
  }
  pushSymbol(scan, code)
  if (code === 61) {
    if (isTelling(scan.text, at)) return at + 1
    const end = endOfValue(scan, at)
    if (end > 0) {
      pushVariable(scan, VALUE, at + 1, end)
      return end
    }
  } else if (code === 39 || code === 34) {
    const sign = signBefore(scan.text, at)
    if (sign >= 0 && isTelling(scan.text, sign)) return at + 1
    const close = endOfQuoted(scan, at, code, sign >= 0)
    if (close > 0) {
      if (sign >= 0) pushVariable(scan, QUOTED, at + 1, close)
      else pushQuoted(scan, at + 1, close)
      pushSymbol(scan, code)
      return close + 1
    }
  }
  return at + 1
}

/** The `=` or JSON's `:` whose value begins with the quote at `at`, or -1. */
function signBefore(text: string, at: number): number {
  const before = text.charCodeAt(at - 1)
  if (before === 61) return at - 1
  const colon = before === 32 ? at - 2 : at - 1
  return text.charCodeAt(colon) === 58 && text.charCodeAt(colon - 1) === 34 ? colon : -1
}

const TELLING_CHARS_MAX = 12

/** `msg=` and `"event":` are followed by what happened, other fields by a value. `at` is the `=` or `:`. */
function isTelling(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  if (code !== 61 && code !== 58) return false
  let end = at
  if (code === 58) {
    // A colon parts a key from its value only in JSON: elsewhere it is what people write.
    if (text.charCodeAt(at - 1) !== 34) return false
    end--
  }
  let start = end
  while (start > 0 && classOf(text.charCodeAt(start - 1)) & (ALPHA | UNDERSCORE)) {
    if (end - --start > TELLING_CHARS_MAX) return false
  }
  return end > start && TELLING_KEYS.has(text.slice(start, end).toLowerCase())
}

/**
 * After a colon, words joined by commas are a list of names (`allowed: ann,bob`), and so are the words a bracket holds
 * (`Set(ann, bob)`): its length varies too. Returns its end, or -1.
 */
function endOfNames(scan: Scan, comma: number): number {
  const last = scan.count - 1
  if (last < 0 || (scan.kind[last] as number) > MIXED || scan.end[last] !== comma) return -1
  const start = scan.start[last] as number
  const end = endOfList(scan, start, comma)
  if (end < 0) return -1
  // The first name was taken for a word.
  scan.count = last
  scan.unitCount = scan.unit[last] as number
  pushVariable(scan, NAME, start, end)
  return end
}

function endOfList(scan: Scan, start: number, comma: number): number {
  const { text } = scan
  const before = text.charCodeAt(start - 1)
  if (before === 40 || before === 91 || before === 123) return endOfBracketed(scan, comma)
  if (before !== 32 || text.charCodeAt(start - 2) !== 58) return -1
  let end = comma + 1
  if ((classOf(text.charCodeAt(end)) & ALPHA) === 0) return -1
  while (end < scan.length && isNameChar(text.charCodeAt(end))) end++
  return end
}

/** Names, commas and single spaces behind commas up to the closing bracket. */
function endOfBracketed(scan: Scan, comma: number): number {
  const { text } = scan
  const limit = Math.min(scan.length, comma + BRACED_CHARS_MAX)
  for (let at = comma + 1; at < limit; at++) {
    const code = text.charCodeAt(at)
    if (code === 41 || code === 93 || code === 125) return at > comma + 1 ? at : -1
    if (!isNameChar(code) && !(code === 32 && text.charCodeAt(at - 1) === 44)) return -1
  }
  return -1
}

function isNameChar(code: number): boolean {
  return code === 44 || (classOf(code) & (ALPHA | DIGIT | UNDERSCORE)) !== 0
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

/** The closing quote of a run without spaces (with spaces for the value of a field), or -1. */
function endOfQuoted(scan: Scan, open: number, quote: number, isValue: boolean): number {
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
    if (classOf(code) & SPACE && !isValue) return -1
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
