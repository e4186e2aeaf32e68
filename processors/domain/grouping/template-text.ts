import { createScan, MIXED, scanMessage } from './token-scan.ts'

const scan = createScan()

/** The first message of a template with `<*>` for all that varies. */
export function renderTemplate(template: { text: string; blanks: number[] }): string {
  scanMessage(scan, template.text)
  let out = ''
  let from = 0
  for (let at = 0; at < scan.count; at++) {
    const kind = scan.kind[at] as number
    if (kind <= MIXED && !template.blanks.includes(at)) continue
    out += `${scan.text.slice(from, scan.start[at])}<*>`
    from = scan.end[at] as number
  }
  return out + scan.text.slice(from)
}
