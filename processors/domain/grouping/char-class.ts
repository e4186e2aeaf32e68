/**
 * One bit for each kind of character, so that one OR per character tells what a run contains.
 * Characters beyond ASCII count as letters.
 */
export const DIGIT = 1
export const HEX_LETTER = 2
export const LETTER = 4
export const UNDERSCORE = 8
export const DOT = 16
export const DASH = 32
export const COLON = 64
export const SLASH = 128
export const AT = 256
export const PLUS = 512
export const BACKSLASH = 1024
export const OTHER = 2048
export const DELIMITER = 4096
export const SPACE = 8192

export const ALPHA = HEX_LETTER | LETTER
export const WORD_BREAK = DELIMITER | SPACE

const table = new Uint16Array(128).fill(DELIMITER)

function assign(characters: string, bit: number): void {
  for (const character of characters) table[character.charCodeAt(0)] = bit
}

assign('0123456789', DIGIT)
assign('abcdefABCDEF', HEX_LETTER)
assign('ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ', LETTER)
assign('_', UNDERSCORE)
assign('.', DOT)
assign('-', DASH)
assign(':', COLON)
assign('/', SLASH)
assign('@', AT)
assign('+', PLUS)
assign('\\', BACKSLASH)
assign('$%~', OTHER)
assign(' \t\n\r\v\f', SPACE)

/** The bit of one UTF-16 code unit. */
export function classOf(code: number): number {
  return code < 128 ? (table[code] as number) : code === 0xa0 ? SPACE : LETTER
}

/** OR of the bits in `text[start, end)`. */
export function maskOf(text: string, start: number, end: number): number {
  let mask = 0
  for (let at = start; at < end; at++) mask |= classOf(text.charCodeAt(at))
  return mask
}

export interface Shape {
  mask: number
  digits: number
  /** Maximal runs of digits. */
  digitRuns: number
  letters: number
}

/** Counts what `text[start, end)` holds, into `into` to spare an allocation. */
export function measure(text: string, start: number, end: number, into: Shape): Shape {
  let mask = 0
  let digits = 0
  let runs = 0
  let letters = 0
  let inDigits = false
  for (let at = start; at < end; at++) {
    const bit = classOf(text.charCodeAt(at))
    mask |= bit
    if (bit === DIGIT) {
      digits++
      if (!inDigits) runs++
      inDigits = true
    } else {
      inDigits = false
      if (bit & ALPHA) letters++
    }
  }
  into.mask = mask
  into.digits = digits
  into.digitRuns = runs
  into.letters = letters
  return into
}
