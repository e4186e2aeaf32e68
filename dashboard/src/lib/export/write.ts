/** A screen as a file. Pure. */
import type { Screen, Sheet } from '#lib/export/collect.ts'
import { csvField } from '#lib/sql/cells.ts'

const line = (values: readonly (string | number)[]): string =>
  values.map((value) => (typeof value === 'number' ? String(value) : csvField(value))).join(',')

export function screenCsv(screen: Screen): string {
  const sheet = (one: Sheet): string =>
    [line([one.title]), line(one.columns), ...one.rows.map((row) => line(row))].join('\r\n')
  const head = [line(['Headline', screen.headline]), line(['Link', screen.address])]
  return `${[[...head, line(['At', screen.at])].join('\r\n'), ...screen.sheets.map(sheet)].join('\r\n\r\n')}\r\n`
}

export const screenJson = (screen: Screen): string => `${JSON.stringify(screen, null, 2)}\n`

/** Text that Markdown would read as markup stays text. */
const plain = (value: string | number): string =>
  String(value).replace(/[\\`*_{}[\]<>|#]/g, String.raw`\$&`)

/** Rows of a chart are for machines; a person pasting Markdown wants its peaks. */
const MARKDOWN_ROWS_MAX = 40

export function screenMarkdown(screen: Screen): string {
  const sheet = (one: Sheet): string => {
    const columns = one.columns.map((column) => (column === '' ? ' ' : plain(column)))
    const rows = one.rows
      .slice(-MARKDOWN_ROWS_MAX)
      .map((row) => `| ${row.map((value) => plain(value)).join(' | ')} |`)
    const more = one.rows.length - rows.length
    return [
      `### ${plain(one.title)}`,
      '',
      `| ${columns.join(' | ')} |`,
      `| ${columns.map(() => '---').join(' | ')} |`,
      ...rows,
      ...(more > 0 ? ['', `${more} earlier rows are left out; the CSV file has them all.`] : []),
    ].join('\n')
  }
  const head = [`## ${plain(screen.headline)}`, '', `${screen.at} · <${screen.address}>`]
  return `${[head.join('\n'), ...screen.sheets.map(sheet)].join('\n\n')}\n`
}
