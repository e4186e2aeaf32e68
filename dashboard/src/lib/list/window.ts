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

/**
 * How many elements rows share. At least as many as a window ever has rows, so that no two rows of one window want the
 * same.
 */
export function slotCount(rowHeight: number, height: number): number {
  return height === 0
    ? DRAWN_MAX
    : Math.min(DRAWN_MAX, Math.ceil(height / rowHeight) + 2 * OVERSCAN + 2)
}

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

/** Browsers cut boxes near 16.7 million px; past this the scroll bar is scaled, so that the last row stays in reach. */
export const SCROLL_PX_MAX = 15_000_000

/** Height of what is scrolled, in px of the screen. */
export const scrollHeight = (shape: ListShape): number =>
  Math.min(totalHeight(shape), SCROLL_PX_MAX)

/** Rows per px of the scroll bar: 1 until it has to be scaled. */
function scaleOf(shape: ListShape, height: number): number {
  const [total, shown] = [totalHeight(shape), scrollHeight(shape)]
  return total === shown ? 1 : (total - height) / Math.max(1, shown - height)
}

/** Where the scroll bar must stand so that a row is at the top of the view. */
export function scrollTopOf(shape: ListShape, index: number, height: number): number {
  return rowTop(shape, index) / scaleOf(shape, height)
}

export function listWindow(
  shape: ListShape,
  view: { scrollTop: number; height: number },
): ListWindow {
  const scrolled = Math.max(0, Math.min(view.scrollTop, scrollHeight(shape) - view.height))
  const top = scrolled * scaleOf(shape, view.height)
  const first = Math.max(0, Math.min(shape.count - 1, rowAt(shape, top)) - OVERSCAN)
  const wanted = rowAt(shape, top + view.height) + 1 + OVERSCAN
  const end = Math.max(first, Math.min(shape.count, wanted, first + DRAWN_MAX))
  // The drawn rows keep their true height; only the empty space around them is scaled.
  const before = Math.max(0, scrolled - (top - rowTop(shape, first)))
  const drawn = rowTop(shape, end) - rowTop(shape, first)
  return { first, end, before, after: Math.max(0, scrollHeight(shape) - before - drawn) }
}
