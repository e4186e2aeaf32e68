import {
  ALPHA,
  AT,
  BACKSLASH,
  classOf,
  COLON,
  DASH,
  DIGIT,
  DOT,
  HEX_LETTER,
  maskOf,
  OTHER,
  PLUS,
  SLASH,
  WORD_BREAK,
} from './char-class.ts'
import {
  absorb,
  ADDRESS,
  BOOLEAN,
  hashA,
  hashB,
  ID,
  MAIL,
  MIXED,
  NAME,
  NUMBER,
  PATH,
  pushHashed,
  pushMixed,
  pushSymbol,
  pushSymbols,
  pushVariable,
  pushWord,
  TIME,
  URL_TYPE,
  VARIABLE_TYPES,
  WORD,
  WORD_SEED_A,
  WORD_SEED_B,
  type Scan,
} from './scan.ts'
import { BEFORE_ADDRESS, KNOWN_PORTS, UNITS } from './lexicon.ts'
import { atomType, endOfRun, isDottedName, isHexRun, type AtomType } from './token-type.ts'

/** Chunks with none of these are one word. */
const STRUCTURED = DIGIT | SLASH | BACKSLASH | AT

/**
 * A chunk is what stands between spaces and delimiters. Returns where reading goes on. The hash of the
 * chunk is built while its characters are classified: most chunks are plain words and need no second look.
 */
export function scanChunk(scan: Scan, start: number): number {
  const { text, length } = scan
  let end = start
  let mask = 0
  let a = WORD_SEED_A
  let b = WORD_SEED_B
  // The first colon or dot, with the hash up to there.
  let stop = -1
  let stopA = 0
  let stopB = 0
  let hasLeader = false
  for (; end < length; end++) {
    const code = text.charCodeAt(end)
    const bit = classOf(code)
    if (bit & WORD_BREAK) break
    if (bit & (COLON | DOT)) {
      if (stop < 0) {
        stop = end
        stopA = a
        stopB = b
      } else if (bit === DOT && text.charCodeAt(end - 1) === 46) hasLeader = true
    }
    mask |= bit
    a = hashA(a, code)
    b = hashB(b, code)
  }
  if ((mask & STRUCTURED) === 0) {
    if (stop < 0 && !isBoolean(text, start, end)) {
      // Eight letters of hexadecimal digits among others that have decimal ones.
      if (mask === HEX_LETTER && end - start >= 6 && isListItem(scan, start))
        pushVariable(scan, ID, start, end)
      else pushHashed(scan, start, end, a, b)
      return end
    }
    if (stop === end - 1 && stop > start && !isBoolean(text, start, stop)) {
      pushHashed(scan, start, stop, stopA, stopB)
      pushSymbols(scan, stop, end)
      return end
    }
  }
  return scanStructured(scan, start, end, mask, hasLeader)
}

function scanStructured(
  scan: Scan,
  start: number,
  end: number,
  mask: number,
  hasLeader: boolean,
): number {
  const text = scan.text
  let last = end
  while (last > start && (classOf(text.charCodeAt(last - 1)) & (COLON | DOT)) !== 0) last--
  if (last === start) {
    pushSymbols(scan, start, end)
    return end
  }
  if (text.charCodeAt(start) === 58) {
    pushSymbol(scan, 58)
    return start + 1
  }
  if (hasLeader) {
    const dots = text.indexOf('..', start)
    if (dots > start && dots < last) return scanDotted(scan, start, dots, last)
  }
  if (mask & (SLASH | BACKSLASH | AT)) {
    const stop = pushSpecialChunk(scan, start, last, mask)
    if (stop > last) return stop
  } else pushPlain(scan, start, last, mask)
  const tail = scan.count > 0 ? (scan.tail[scan.count - 1] as number) : 0
  if (tail > end) return tail
  pushSymbols(scan, last, end)
  return end
}

/** A leader of dots (`exception.......0`) parts what is before it from what is after it. */
function scanDotted(scan: Scan, start: number, dots: number, last: number): number {
  pushPlain(scan, start, dots, maskOf(scan.text, start, dots))
  let after = dots
  while (after < last && scan.text.charCodeAt(after) === 46) after++
  pushSymbols(scan, dots, after)
  return after
}

function pushPlain(scan: Scan, start: number, end: number, mask: number): void {
  if (mask & DIGIT) pushDigitChunk(scan, start, end, mask)
  else if (mask & COLON) pushParts(scan, start, end, COLON)
  else pushPlainWord(scan, start, end, mask)
}

/** Pushes what lies between the characters of class `splitters`, and these as symbols. */
function pushParts(scan: Scan, start: number, end: number, splitters: number): void {
  const text = scan.text
  let from = start
  for (let at = start; at <= end; at++) {
    if (at < end && (classOf(text.charCodeAt(at)) & splitters) === 0) continue
    if (at > from) pushPlain(scan, from, at, maskOf(text, from, at))
    if (at < end) pushSymbols(scan, at, at + 1)
    from = at + 1
  }
}

function pushPlainWord(scan: Scan, start: number, end: number, mask: number): void {
  let last = end
  while (last > start && scan.text.charCodeAt(last - 1) === 46) last--
  if (mask & DOT && isDottedName(scan.text, start, last)) pushVariable(scan, NAME, start, last)
  else if (isBoolean(scan.text, start, last)) pushVariable(scan, BOOLEAN, start, last)
  else pushWord(scan, start, last)
  pushSymbols(scan, last, end)
}

/**
 * `true` or `false` where a value stands, not where an expression chooses it (`? true`); `null` only after
 * `=` or `:`, elsewhere it is what a message is about.
 */
function isBoolean(text: string, start: number, end: number): boolean {
  const length = end - start
  if (length !== 4 && length !== 5) return false
  const first = text.charCodeAt(start) | 32
  if (first === 110)
    return text.startsWith('null', start) && length === 4 && isValuePlace(text, start)
  if (length === 4 ? first !== 116 : first !== 102) return false
  if (!text.startsWith(length === 4 ? 'rue' : 'alse', start + 1)) return false
  return start === 0 || text.charCodeAt(start - 1) !== 63
}

function isValuePlace(text: string, start: number): boolean {
  let at = start - 1
  while (at >= 0 && text.charCodeAt(at) === 32) at--
  const before = at < 0 ? 0 : text.charCodeAt(at)
  if (before === 61) return text.charCodeAt(at - 1) !== 61 && text.charCodeAt(at - 1) !== 33
  return before === 58 || before === 124
}

const NUMERIC = DIGIT | DOT | DASH | COLON | PLUS | OTHER

function pushDigitChunk(scan: Scan, start: number, end: number, mask: number): void {
  const text = scan.text
  if ((mask & ~NUMERIC) === 0) {
    const kind = numericKind(text, start, end, mask)
    if (kind === NUMBER) pushNumber(scan, NUMBER, start, end)
    else pushVariable(scan, kind, start, end)
    return
  }
  if ((mask & COLON) === 0) {
    pushAtom(scan, start, end)
    return
  }
  if (isHexRun(text, start, end) || isHostAndPort(text, start, end)) {
    pushVariable(scan, ADDRESS, start, end)
    return
  }
  const colon = text.indexOf(':', start)
  if (isKnownPort(scan, start, colon, end)) {
    pushVariable(scan, ADDRESS, start, end)
    return
  }
  // `10.0.0.1:80:Got`: an address may be followed by text.
  const numeric = endOfNumeric(text, start, end)
  if (numeric > colon && text.charCodeAt(numeric) === 58) {
    pushVariable(scan, ADDRESS, start, numeric)
    pushSymbol(scan, 58)
    pushPlain(scan, numeric + 1, end, maskOf(text, numeric + 1, end))
    return
  }
  // `en0:fe80:0:1`: an address may follow a name.
  if (colon > start && isHexRun(text, colon + 1, end)) {
    pushPlain(scan, start, colon, maskOf(text, start, colon))
    pushSymbol(scan, 58)
    pushVariable(scan, ADDRESS, colon + 1, end)
    return
  }
  pushParts(scan, start, end, COLON)
}

/** `10.0.0.7` and `10.0.0.7:80` are addresses, `12:30:01` and `2021-03-04` times. */
function numericKind(text: string, start: number, end: number, mask: number): number {
  if (mask & DOT && countOf(text, 46, start, end) === 3) return ADDRESS
  if (mask & COLON) return TIME
  return mask & DASH && end - start >= 8 && countOf(text, 45, start, end) === 2 ? TIME : NUMBER
}

function countOf(text: string, code: number, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at++) if (text.charCodeAt(at) === code) count++
  return count
}

/** Where digits, dots and colons from `start` end, before the last colon among them. */
function endOfNumeric(text: string, start: number, end: number): number {
  let at = start
  while (at < end && classOf(text.charCodeAt(at)) & (DIGIT | DOT | COLON)) at++
  return text.lastIndexOf(':', at - 1)
}

/** `wpad:80` at the beginning or after a word that asks for an address. */
function isKnownPort(scan: Scan, start: number, colon: number, end: number): boolean {
  const text = scan.text
  if (end - colon > 6 || (maskOf(text, start, colon) & ~ALPHA) !== 0) return false
  if (!KNOWN_PORTS.has(text.slice(colon + 1, end))) return false
  if (start === 0) return true
  const last = scan.count - 1
  return (
    last >= 0 &&
    scan.kind[last] === WORD &&
    scan.end[last] === start - 1 &&
    BEFORE_ADDRESS.has(text.slice(scan.start[last], scan.end[last]).toLowerCase())
  )
}

/** `db-7:5432`, `10.0.0.1:80`, `proxy.example.org:3128`: a name with a dot, a dash or a digit, and a port. */
function isHostAndPort(text: string, start: number, end: number): boolean {
  const colon = text.indexOf(':', start)
  if (colon <= start || colon >= end - 1) return false
  for (let at = colon + 1; at < end; at++) if (classOf(text.charCodeAt(at)) !== DIGIT) return false
  return (maskOf(text, start, colon) & (DOT | DASH | DIGIT)) !== 0 && !hasHump(text, start, colon)
}

/** `camelCase`: a name in a program, never a host. */
function hasHump(text: string, start: number, end: number): boolean {
  for (let at = start + 1; at < end; at++) {
    const code = text.charCodeAt(at)
    const before = text.charCodeAt(at - 1)
    if (code >= 65 && code <= 90 && before >= 97 && before <= 122) return true
  }
  return false
}

/** One atom: letters, digits, `_ . - $ %` without colons. */
function pushAtom(scan: Scan, start: number, end: number): void {
  const type = atomType(scan.text, start, end)
  if (type === 'word') pushWord(scan, start, end)
  else if (type === 'mixed') {
    // What stands right behind the comma of a variable varies as that does.
    if (isListItem(scan, start)) pushVariable(scan, ID, start, end)
    else pushMixed(scan, start, end)
  } else if (type === 'suffix') pushSuffixed(scan, start, end)
  else if (type === 'number') pushNumber(scan, NUMBER, start, end)
  else pushVariable(scan, VARIABLE_TYPES.indexOf(type satisfies AtomType), start, end)
}

function isListItem(scan: Scan, start: number): boolean {
  const last = scan.count - 1
  if (last < 0 || (scan.kind[last] as number) <= MIXED) return false
  return scan.tail[last] === start - 1 && scan.text.charCodeAt(start - 1) === 44
}

function pushSuffixed(scan: Scan, start: number, end: number): void {
  let split = end - 1
  while (split > start && (classOf(scan.text.charCodeAt(split)) & (DOT | DASH)) === 0) split--
  pushWord(scan, start, split)
  pushSymbols(scan, split, split + 1)
  pushVariable(scan, NUMBER, split + 1, end)
}

const UNIT_CHARS_MAX = 12

/** A number takes its unit along, and the same amount said again: `1248 bytes (1.21 KB)`. */
function pushNumber(scan: Scan, kind: number, start: number, end: number): void {
  pushVariable(scan, kind, start, end)
  const unit = endOfUnit(scan, end)
  if (unit < 0) return
  absorb(scan, unit)
  const again = endOfRestatement(scan, unit)
  if (again > 0) absorb(scan, again)
}

function endOfUnit(scan: Scan, at: number): number {
  const text = scan.text
  if (text.charCodeAt(at) !== 32) return -1
  let end = at + 1
  const limit = Math.min(scan.length, end + UNIT_CHARS_MAX)
  while (end < limit && classOf(text.charCodeAt(end)) & (ALPHA | SLASH)) end++
  if (end === at + 1 || (end === limit && end < scan.length)) return -1
  return UNITS.has(text.slice(at + 1, end).toLowerCase()) ? end : -1
}

/** ` (1.21 KB)` after a quantity. */
function endOfRestatement(scan: Scan, at: number): number {
  const text = scan.text
  if (!text.startsWith(' (', at)) return -1
  let end = at + 2
  while (end < scan.length && classOf(text.charCodeAt(end)) & (DIGIT | DOT)) end++
  if (end === at + 2) return -1
  const unit = endOfUnit(scan, end)
  return unit > 0 && text.charCodeAt(unit) === 41 ? unit + 1 : -1
}

/** A chunk that holds a slash, a backslash or an at sign. Returns where reading goes on. */
function pushSpecialChunk(scan: Scan, start: number, end: number, mask: number): number {
  const text = scan.text
  if (mask & SLASH) {
    const scheme = mask & COLON ? text.indexOf('://', start) : -1
    if (scheme > start && scheme < end) return pushRun(scan, URL_TYPE, start)
    if (text.charCodeAt(start) === 47 && end - start > 1) return pushRun(scan, PATH, start)
    return pushSlashed(scan, start, end, mask)
  }
  if (mask & BACKSLASH && end - start > 3) {
    const isRooted = text.charCodeAt(start + 1) === 58 || text.charCodeAt(start) === 92
    if (isRooted) return pushRun(scan, PATH, start)
  }
  pushAround(scan, start, end, mask)
  return end
}

function pushRun(scan: Scan, kind: number, start: number): number {
  const stop = endOfRun(scan.text, start, scan.length)
  pushVariable(scan, kind, start, stop)
  return stop
}

function pushSlashed(scan: Scan, start: number, end: number, mask: number): number {
  const text = scan.text
  if ((mask & ~(NUMERIC | SLASH)) === 0) {
    pushVariable(scan, mask & DIGIT ? TIME : PATH, start, end)
    return end
  }
  const slash = text.indexOf('/', start)
  const second = text.indexOf('/', slash + 1)
  const hasTwo = second > 0 && second < end && slash > start
  const isPath = hasTwo || ((mask & DOT) !== 0 && (mask & ALPHA) !== 0)
  if (isPath && slash < end - 1) return pushRun(scan, PATH, start)
  pushAround(scan, start, end, mask)
  return end
}

/** Splits at `/`, `\` and `@` and pushes the parts on their own. */
function pushAround(scan: Scan, start: number, end: number, mask: number): void {
  if (mask & AT && isMail(scan.text, start, end)) pushVariable(scan, MAIL, start, end)
  else pushParts(scan, start, end, SLASH | BACKSLASH | AT)
}

function isMail(text: string, start: number, end: number): boolean {
  const at = text.indexOf('@', start)
  if (at <= start || at >= end - 1) return false
  const dot = text.indexOf('.', at)
  return dot > at && dot < end - 1 && text.indexOf('@', at + 1) < 0
}
