/**
 * Reads RFC 4180 text: commas, quotes doubled inside quotes, line breaks allowed inside quotes. A quote that
 * is never closed takes the rest of the text.
 */
export function readCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let at = 0
  while (at < text.length) {
    const field = text.charCodeAt(at) === 34 ? readQuoted(text, at) : readBare(text, at)
    row.push(field.value)
    at = field.end
    const code = text.charCodeAt(at)
    if (code === 44) {
      at++
      if (at >= text.length) row.push('')
      continue
    }
    if (code === 13) at++
    if (text.charCodeAt(at) === 10) at++
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  if (row.length > 0) rows.push(row)
  return rows
}

interface Field {
  value: string
  end: number
}

function readBare(text: string, start: number): Field {
  let end = start
  while (end < text.length) {
    const code = text.charCodeAt(end)
    if (code === 44 || code === 10 || code === 13) break
    end++
  }
  return { value: text.slice(start, end), end }
}

function readQuoted(text: string, start: number): Field {
  let value = ''
  let from = start + 1
  for (;;) {
    const quote = text.indexOf('"', from)
    if (quote < 0) return { value: value + text.slice(from), end: text.length }
    value += text.slice(from, quote)
    if (text.charCodeAt(quote + 1) !== 34) {
      const rest = readBare(text, quote + 1)
      return { value: value + rest.value, end: rest.end }
    }
    value += '"'
    from = quote + 2
  }
}
