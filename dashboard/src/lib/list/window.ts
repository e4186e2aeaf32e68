/** Which rows of a long list are in the document. Pure arithmetic. */

export interface ListShape {
  count: number
  rowHeight: number
  /** Index of the row that is open, null for none. */
  open: number | null
  /** Height that an open row has in addition. */
  openHeight: number
}

export interface ListWindow {
  first: number
  /** One past the last. */
  end: number
  /** Empty space above and below, in px. */
  before: number
  after: number
}

/** Rows drawn outside of the view on each side, so that a fling shows no blank. */
export const OVERSCAN = 8
/** Never more rows than this in the document, whatever the height. */
export const DRAWN_MAX = 60

export function totalHeight({ count, rowHeight, open, openHeight }: ListShape): number {
  return count * rowHeight + (open === null || open >= count ? 0 : openHeight)
}

/** Top edge of a row. */
export function rowTop(shape: ListShape, index: number): number {
  const opened = shape.open !== null && index > shape.open ? shape.openHeight : 0
  return index * shape.rowHeight + opened
}

function rowAt(shape: ListShape, y: number): number {
  const { open, rowHeight, openHeight } = shape
  if (open === null || y < (open + 1) * rowHeight) return Math.floor(y / rowHeight)
  return Math.max(open, Math.floor((y - openHeight) / rowHeight))
}

export function listWindow(
  shape: ListShape,
  view: { scrollTop: number; height: number },
): ListWindow {
  const top = Math.max(0, Math.min(view.scrollTop, totalHeight(shape) - view.height))
  const first = Math.max(0, Math.min(shape.count - 1, rowAt(shape, top)) - OVERSCAN)
  const wanted = rowAt(shape, top + view.height) + 1 + OVERSCAN
  const end = Math.max(first, Math.min(shape.count, wanted, first + DRAWN_MAX))
  return {
    first,
    end,
    before: rowTop(shape, first),
    after: Math.max(0, totalHeight(shape) - rowTop(shape, end)),
  }
}
