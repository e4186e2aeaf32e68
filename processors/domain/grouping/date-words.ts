import { ALPHA, classOf, COLON, DASH, DIGIT, DOT, PLUS, SLASH, SPACE } from './char-class.ts'
import { DATE_TAIL, MONTH_NAMES, WEEKDAY_NAMES } from './lexicon.ts'

const PARTS_MAX = 7
const NAME_CHARS_MAX = 9
const NUMBERISH = DIGIT | COLON | DASH | DOT | PLUS | SLASH

/**
 * Where a date in words that begins at `start` ends (`Fri Jul 29 10:08:51 PDT 2005`), or -1. It begins with
 * a weekday or a month and needs a number; parts are parted by spaces and commas.
 */
export function endOfDate(text: string, start: number, limit: number): number {
  if (!mayBegin(text.charCodeAt(start), text.charCodeAt(start + 1))) return -1
  const first = endOfName(text, start, limit)
  if (first < 0) return -1
  const name = text.slice(start, first).toLowerCase()
  const isMonth = MONTH_NAMES.has(name)
  if (!isMonth && !WEEKDAY_NAMES.has(name)) return -1
  let end = first
  let hasMonth = isMonth
  let hasNumber = false
  for (let parts = 1; parts < PARTS_MAX; parts++) {
    const from = skipGap(text, end, limit)
    if (from < 0) break
    const stop = endOfPart(text, from, limit)
    if (stop < 0) break
    if (classOf(text.charCodeAt(from)) === DIGIT) hasNumber = true
    else if (MONTH_NAMES.has(text.slice(from, stop).toLowerCase())) {
      if (hasMonth) break
      hasMonth = true
    } else if (!hasNumber) break
    end = stop
  }
  return hasNumber && hasMonth ? end : -1
}

/** Pairs of letters that begin a capitalised month or weekday, so that other words cost one look-up. */
const beginnings = new Uint8Array(32 * 32)
for (const name of [...MONTH_NAMES, ...WEEKDAY_NAMES])
  beginnings[(name.charCodeAt(0) & 31) * 32 + (name.charCodeAt(1) & 31)] = 1

function mayBegin(first: number, second: number): boolean {
  return first >= 65 && first <= 90 && beginnings[(first & 31) * 32 + (second & 31)] === 1
}

function endOfName(text: string, start: number, limit: number): number {
  let end = start
  while (end < limit && end - start <= NAME_CHARS_MAX && classOf(text.charCodeAt(end)) & ALPHA)
    end++
  const length = end - start
  return length >= 3 && length <= NAME_CHARS_MAX ? end : -1
}

function skipGap(text: string, at: number, limit: number): number {
  let from = at
  if (text.charCodeAt(from) === 44) from++
  const spaces = from
  while (from < limit && classOf(text.charCodeAt(from)) === SPACE) from++
  return from > spaces && from < limit ? from : -1
}

/** A number, a clock time, a month, a time zone, AM or PM. */
function endOfPart(text: string, start: number, limit: number): number {
  let end = start
  if (classOf(text.charCodeAt(start)) === DIGIT) {
    while (end < limit && classOf(text.charCodeAt(end)) & NUMBERISH) end++
    while (end > start && classOf(text.charCodeAt(end - 1)) & (DOT | COLON)) end--
    return end
  }
  end = endOfName(text, start, limit)
  if (end < 0) {
    end = start + 2
    if (end > limit || (end < limit && classOf(text.charCodeAt(end)) & ALPHA)) return -1
  }
  const name = text.slice(start, end).toLowerCase()
  return MONTH_NAMES.has(name) || DATE_TAIL.has(name) ? end : -1
}
