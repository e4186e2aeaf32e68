import fc from 'fast-check'
import { expect, it } from 'vitest'

import {
  DRAWN_MAX,
  listWindow,
  rowTop,
  SCROLL_PX_MAX,
  scrollHeight,
  scrollTopOf,
  slotCount,
  totalHeight,
} from '#lib/list/window.ts'

const shapes = fc.record({
  count: fc.integer({ min: 0, max: 100_000 }),
  rowHeight: fc.constant(32),
  open: fc.option(fc.integer({ min: 0, max: 99_999 })),
  openHeight: fc.constant(340),
})

it('[E1] draws every row in view and never more than sixty', () => {
  fc.assert(
    fc.property(
      shapes,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 100, max: 1200 }),
      (shape, share, height) => {
        const scrollTop = share * Math.max(0, totalHeight(shape) - height)
        const drawn = listWindow(shape, { scrollTop, height })
        expect(drawn.end - drawn.first).toBeLessThanOrEqual(DRAWN_MAX)
        // No two rows of a window share an element.
        expect(drawn.end - drawn.first).toBeLessThanOrEqual(slotCount(shape.rowHeight, height))
        expect(drawn.end).toBeLessThanOrEqual(shape.count)
        if (shape.count === 0) return
        expect(drawn.before).toBeLessThanOrEqual(scrollTop + 0.001)
        // The last row drawn ends below the view, or it is the last of all.
        const bottom = drawn.end === shape.count ? totalHeight(shape) : rowTop(shape, drawn.end)
        expect(bottom).toBeGreaterThanOrEqual(
          Math.min(scrollTop + height, totalHeight(shape)) - 0.001,
        )
      },
    ),
  )
})

it('keeps the height of the whole list whatever is drawn, so that the scroll bar does not move', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 0, max: 4_000_000 }), (shape, scrollTop) => {
      const { first, end, before, after } = listWindow(shape, { scrollTop, height: 700 })
      const opened =
        shape.open !== null && shape.open >= first && shape.open < end ? shape.openHeight : 0
      const drawn = (end - first) * shape.rowHeight + opened
      expect(before + drawn + after).toBe(totalHeight(shape))
    }),
  )
})

it('[E1] every row of a million is in reach of a scroll bar that browsers do not cut', () => {
  const shape = { count: 1_000_000, rowHeight: 40, open: null, openHeight: 0 }
  const height = 700
  expect(scrollHeight(shape)).toBe(SCROLL_PX_MAX)
  const end = listWindow(shape, { scrollTop: SCROLL_PX_MAX - height, height })
  expect(end.end).toBe(1_000_000)
  expect(end.after).toBe(0)
  for (const index of [0, 1, 499_999, 999_980]) {
    const scrollTop = scrollTopOf(shape, index, height)
    const drawn = listWindow(shape, { scrollTop, height })
    expect(drawn.first).toBeLessThanOrEqual(index)
    expect(drawn.end).toBeGreaterThan(index)
    // Where the row stands on the screen: at the top of the view, give or take a row beside the very ends.
    const y = drawn.before + (index - drawn.first) * 40 - scrollTop
    expect(Math.abs(y)).toBeLessThan(40)
  }
})
