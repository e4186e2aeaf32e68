import { classOf, ALPHA } from './char-class.ts'
import { BEFORE_NAME } from './lexicon.ts'
import { MIXED, WORD, type Scan } from './scan.ts'

/** Distinct words at a place where names stand, all else equal, from which on it is a variable. */
const NAMES_MIN = 4
/** The same at any other place: a set of verbs or states is much more often what a message is about. */
const WORDS_MIN = 12
/** The same where little else is constant. */
const WORDS_MIN_WEAK = 16
/** Mixed words are more likely names. */
const MIXED_MIN = 4
/** Mixed words where names stand. */
const MIXED_NAMES_MIN = 3
/** Two words that both were values elsewhere. */
export const KNOWN_VALUES_MIN = 2

/** Letters of constant words that make a context strong, and that it needs at all. */
const STRONG_LETTERS = 10
const WEAK_LETTERS = 3

export interface Context {
  /** Letters of all constant words. */
  letters: number
}

export function contextOf(scan: Scan): Context {
  let letters = 0
  for (let at = 0; at < scan.count; at++) letters += lettersOf(scan, at)
  return { letters }
}

function lettersOf(scan: Scan, token: number): number {
  const kind = scan.kind[token]
  if (kind !== WORD && kind !== MIXED) return 0
  let letters = 0
  const end = scan.end[token] as number
  for (let at = scan.start[token] as number; at < end; at++) {
    if (classOf(scan.text.charCodeAt(at)) & ALPHA) letters++
  }
  return letters
}

/** The word names the value that follows it: `vis=0`, `overlap:false`. */
function isKey(scan: Scan, token: number): boolean {
  const after = scan.text.charCodeAt(scan.end[token] as number)
  return after === 61 || after === 58
}

export type Strength = 'none' | 'weak' | 'strong'

/** How much the rest of the message says about what may stand at `token`. */
export function strengthAt(scan: Scan, token: number, context: Context): Strength {
  if ((scan.kind[token] as number) > MIXED) return 'none'
  const rest = context.letters - lettersOf(scan, token)
  if (rest < WEAK_LETTERS) return 'none'
  if (scan.text.charCodeAt(scan.end[token] as number) === 61) return 'none'
  return rest >= STRONG_LETTERS && !isKey(scan, token) ? 'strong' : 'weak'
}

/** How many distinct words it takes at `token`. */
export function wordsNeeded(scan: Scan, token: number, strength: Strength): number {
  if (strength === 'weak') return WORDS_MIN_WEAK
  const isNamed = followsNamer(scan, token)
  if (scan.kind[token] === MIXED) return isNamed ? MIXED_NAMES_MIN : MIXED_MIN
  return isNamed ? NAMES_MIN : WORDS_MIN
}

/** After a preposition or a noun for things with names, or in quotes. */
function followsNamer(scan: Scan, token: number): boolean {
  if (isConstant(scan, token)) return false
  const before = scan.text.charCodeAt((scan.start[token] as number) - 1)
  if (before === 34 || before === 39) return true
  const last = token - 1
  if (last < 0 || before !== 32 || scan.kind[last] !== WORD) return false
  if ((scan.end[last] as number) !== (scan.start[token] as number) - 1) return false
  return BEFORE_NAME.has(scan.text.slice(scan.start[last], scan.end[last]).toLowerCase())
}

/** `READY`, `IN_USE`: states and kinds are written so, names are not. */
function isConstant(scan: Scan, token: number): boolean {
  const end = scan.end[token] as number
  for (let at = scan.start[token] as number; at < end; at++) {
    const code = scan.text.charCodeAt(at)
    if (code !== 95 && (code < 65 || code > 90)) return false
  }
  return true
}
