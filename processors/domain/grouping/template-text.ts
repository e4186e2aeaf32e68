import { OPEN_PLACE } from '#/schemas/plain-title.ts'
import { createScan, MIXED, type Scan } from './scan.ts'
import { scanMessage } from './token-scan.ts'

const exemplar = createScan()

export interface Shown {
  /** The first message of the template. */
  text: string
  /** Units that vary although they look constant. */
  blanks: readonly number[]
  /** Units whose details (digits, unit of a quantity, length of a list) vary. */
  varied: readonly number[]
}

/** The first message of a template with `<*>` for all that varies. */
export function renderTemplate(template: Shown): string {
  const scan = exemplar
  scanMessage(scan, template.text)
  let out = ''
  let from = 0
  for (let at = 0; at < scan.count; at++) {
    const unit = scan.unit[at] as number
    const isVaried = template.varied.includes(unit)
    if ((scan.kind[at] as number) <= MIXED && !isVaried && !template.blanks.includes(unit)) continue
    out += scan.text.slice(from, scan.start[at]) + OPEN_PLACE
    from = scan.end[at] as number
    if (!isVaried) continue
    const last = lastOfUnit(scan, at)
    from = scan.tail[last] as number
    at = last
  }
  return collapseSpaces(out + scan.text.slice(from)).trim()
}

/** Runs of spaces are one: how a message was padded is not part of its template. */
function collapseSpaces(text: string): string {
  return text.includes('  ') ? text.replaceAll(/ {2,}/gu, ' ') : text
}

/** The items of a list share a unit and follow each other. */
function lastOfUnit(scan: Scan, token: number): number {
  let last = token
  while (last + 1 < scan.count && scan.unit[last + 1] === scan.unit[token]) last++
  return last
}

/** Units whose details differ between the template's first message and `scan`, which has its skeleton. */
export function variedUnits(text: string, scan: Scan): number[] {
  scanMessage(exemplar, text)
  const varied: number[] = []
  let theirs = 0
  for (let ours = 0; ours < exemplar.count; ours++) {
    const unit = exemplar.unit[ours] as number
    while (theirs < scan.count && (scan.unit[theirs] as number) < unit) theirs++
    if (theirs >= scan.count) break
    const ourLast = lastOfUnit(exemplar, ours)
    if (scan.unit[theirs] === unit) {
      const theirLast = lastOfUnit(scan, theirs)
      if (detail(exemplar, ours, ourLast) !== detail(scan, theirs, theirLast)) varied.push(unit)
    }
    ours = ourLast
  }
  return varied
}

/** What a template shows of a unit: a mixed word's text; of a variable what is around its values. */
function detail(scan: Scan, first: number, last: number): string {
  const { text, start, end, tail, kind } = scan
  if (kind[first] === MIXED) return text.slice(start[first], end[first])
  if ((kind[first] as number) < MIXED) return ''
  let shown = ''
  for (let at = first; at <= last; at++) {
    shown += `\u0000${text.slice(end[at], at < last ? start[at + 1] : tail[at])}`
  }
  return shown
}
