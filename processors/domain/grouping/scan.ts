import { ALPHA, classOf, DIGIT } from './char-class.ts'

/** What a variable looked like. `word` and `mixed` are constants until learned to vary. */
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
  'name',
  'value',
  'quoted',
  'boolean',
] as const

export const WORD = 0
/** Letters with a few digits: its letters are constant, its digits are masked. */
export const MIXED = 1
export const NUMBER = 2
export const ADDRESS = 5
export const TIME = 6
export const PATH = 7
export const URL_TYPE = 8
export const MAIL = 9
export const ID = 10
export const NAME = 11
export const VALUE = 12
export const QUOTED = 13
export const BOOLEAN = 14

/** Characters of a message that are read; the rest is one variable. */
export const READ_CHARS_MAX = 2048
export const TOKENS_MAX = 256
const UNITS_MAX = 2 * TOKENS_MAX + 512

/** The unit of every variable, whatever its type: `took 5 ms` and `took 0x5 ms` are one template. */
export const VARIABLE_A = 0x5bd1e995 | 0
export const VARIABLE_B = 0x1b873593 | 0

/**
 * The tokens of the message scanned last. A token is a word, a mixed word or a variable; delimiters are
 * units without being tokens. The items of a list are tokens that share one unit. Reused between calls:
 * copy what must stay.
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
  /** Where what belongs to the token ends: a number's unit is not part of its value. */
  tail: Int32Array
  /** The unit each token became. */
  unit: Int32Array
  unitCount: number
  unitA: Int32Array
  unitB: Int32Array
  /** Hash of what the skeleton hides but a template shows: digits of mixed words, units, lengths of lists. */
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
    tail: new Int32Array(TOKENS_MAX + 8),
    unit: new Int32Array(TOKENS_MAX + 8),
    unitCount: 0,
    unitA: new Int32Array(UNITS_MAX + 8),
    unitB: new Int32Array(UNITS_MAX + 8),
    fine: 0,
  }
}

export function isFull(scan: Scan): boolean {
  return scan.count >= TOKENS_MAX || scan.unitCount >= UNITS_MAX
}

export function pushSymbol(scan: Scan, code: number): void {
  if (scan.unitCount >= UNITS_MAX) return
  scan.unitA[scan.unitCount] = Math.imul(code + 1, 0x9e3779b1)
  scan.unitB[scan.unitCount] = Math.imul(code + 7, 0x85ebca6b)
  scan.unitCount++
}

export function pushSymbols(scan: Scan, start: number, end: number): void {
  for (let at = start; at < end; at++) pushSymbol(scan, scan.text.charCodeAt(at))
}

function mixFine(scan: Scan, value: number): void {
  scan.fine = (Math.imul(scan.fine, 31) + value) | 0
}

function pushToken(scan: Scan, kind: number, start: number, end: number): void {
  const index = scan.count++
  scan.kind[index] = kind
  scan.start[index] = start
  scan.end[index] = end
  scan.tail[index] = end
  scan.unit[index] = scan.unitCount
}

function pushUnit(scan: Scan, a: number, b: number): void {
  scan.unitA[scan.unitCount] = a
  scan.unitB[scan.unitCount] = b
  scan.unitCount++
}

/** True when only a separator of list items lies between the last variable and `start`. */
function continuesList(scan: Scan, start: number): boolean {
  const last = scan.count - 1
  if (last < 0 || (scan.kind[last] as number) <= MIXED) return false
  const gap = scan.tail[last] as number
  if (start <= gap || start - gap > 2) return false
  for (let at = gap; at < start; at++) {
    const code = scan.text.charCodeAt(at)
    if (code !== 32 && code !== 44 && code !== 124 && code !== 9) return false
  }
  return true
}

/** A variable; a further item of a list takes the unit of the item before it. */
export function pushVariable(scan: Scan, kind: number, start: number, end: number): void {
  if (isFull(scan)) return
  if (continuesList(scan, start)) {
    scan.unitCount = scan.unit[scan.count - 1] as number
    mixFine(scan, 17 + start - (scan.tail[scan.count - 1] as number))
  }
  pushToken(scan, kind, start, end)
  pushUnit(scan, VARIABLE_A, VARIABLE_B)
}

/** The last token is followed by something that belongs to it and says nothing about the template. */
export function absorb(scan: Scan, tail: number): void {
  const last = scan.count - 1
  for (let at = scan.tail[last] as number; at < tail; at++) mixFine(scan, scan.text.charCodeAt(at))
  scan.tail[last] = tail
}

export const WORD_SEED_A = 0x811c9dc5 | 0
export const WORD_SEED_B = 0x27d4eb2f | 0

/** Two hashes per word that share nothing but the characters: 64 bits together. */
export function hashA(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193)
}

export function hashB(hash: number, code: number): number {
  const mixed = Math.imul(hash ^ code, 0x5bd1e995)
  return mixed ^ (mixed >>> 15)
}

export function pushHashed(scan: Scan, start: number, end: number, a: number, b: number): void {
  if (isFull(scan)) return
  pushToken(scan, WORD, start, end)
  pushUnit(scan, a, b)
}

export function pushWord(scan: Scan, start: number, end: number): void {
  if (start >= end) return
  let a = WORD_SEED_A
  let b = WORD_SEED_B
  for (let at = start; at < end; at++) {
    const code = scan.text.charCodeAt(at)
    a = hashA(a, code)
    b = hashB(b, code)
  }
  pushHashed(scan, start, end, a, b)
}

/**
 * A word with a few digits: a part of it that has digits is masked as a whole (`node_A8` is `node_`), a
 * word without joiners keeps its letters (`eth0` is `eth`). What they were goes into the fine hash.
 */
export function pushMixed(scan: Scan, start: number, end: number): void {
  if (isFull(scan)) return
  const text = scan.text
  let a = WORD_SEED_A
  let b = WORD_SEED_B
  for (let from = start; from < end;) {
    const stop = endOfPart(text, from, end)
    const isMasked = stop - from < end - start && hasDigit(text, from, stop)
    let inDigits = false
    for (let at = from; at < Math.min(stop + 1, end); at++) {
      const code = text.charCodeAt(at)
      mixFine(scan, code)
      const isDigit = code >= 48 && code <= 57
      if ((isMasked && at < stop && at > from) || (isDigit && inDigits)) continue
      inDigits = isDigit
      const unit = isDigit || (isMasked && at < stop) ? 48 : code
      a = hashA(a, unit)
      b = hashB(b, unit)
    }
    from = stop + 1
  }
  pushToken(scan, MIXED, start, end)
  pushUnit(scan, a ^ 0x2545f491, b)
}

function endOfPart(text: string, start: number, end: number): number {
  let at = start
  while (at < end && classOf(text.charCodeAt(at)) & (DIGIT | ALPHA)) at++
  return at
}

function hasDigit(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (classOf(text.charCodeAt(at)) === DIGIT) return true
  return false
}
