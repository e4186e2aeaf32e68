/** What is on the screen as values: the headline, every table, the numbers of every chart. */
import type { ShownChart } from '#lib/live/context.ts'

export interface Sheet {
  title: string
  columns: readonly string[]
  rows: readonly (readonly (string | number)[])[]
}

export interface Screen {
  headline: string
  address: string
  at: string
  sheets: readonly Sheet[]
}

const textOf = (element: Element): string =>
  (element instanceof HTMLElement ? element.innerText : (element.textContent ?? ''))
    .replace(/\s+/g, ' ')
    .trim()

/** A table's own text; columns that a narrow screen hides are left out, as on the screen. */
function sheetOf(table: Element): Sheet {
  const rowsOf = (selector: string): string[][] =>
    [...table.querySelectorAll(selector)].map((row) =>
      [...row.querySelectorAll('th, td, [role=columnheader], [role=gridcell]')]
        .filter((cell) => cell.checkVisibility())
        .map((cell) => textOf(cell)),
    )
  const [columns = [], ...others] = rowsOf('thead tr, [role=row]:has([role=columnheader])')
  const rows = rowsOf('tbody tr, [role=row]:has([role=gridcell])')
  const name =
    table.getAttribute('aria-label') ??
    textOf(table.closest('section')?.querySelector('h2') ?? table.querySelector('caption') ?? table)
  return { title: name.slice(0, 80), columns, rows: [...others, ...rows] }
}

export function chartSheet({ title, unit, model }: ShownChart): Sheet {
  const { from, stepMs, count, series } = model()
  return {
    title: unit === '' ? title : `${title} (${unit.trim()})`,
    columns: ['at', ...series.map((one) => one.name)],
    rows: Array.from({ length: count }, (_, index) => [
      new Date(from + index * stepMs).toISOString(),
      ...series.map((one) => {
        const value = one.values[index]
        return value === undefined || Number.isNaN(value) ? '' : value
      }),
    ]),
  }
}

export function collect(charts: Iterable<ShownChart>, now: number): Screen {
  const main = document.querySelector('main')
  const tables = [...(main?.querySelectorAll('table, [role=grid]') ?? [])].filter(
    (table) => table.checkVisibility() && table.closest('[data-chart-table]') === null,
  )
  return {
    headline: textOf(document.querySelector('h1') ?? document.body).slice(0, 300),
    address: location.href,
    at: new Date(now).toISOString(),
    sheets: [...tables.map((table) => sheetOf(table)), ...[...charts].map(chartSheet)],
  }
}
