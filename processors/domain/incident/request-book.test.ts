import { describe, expect, it } from 'vitest'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { alert, MINUTE, T0 } from './detection-fixture.ts'
import { RequestBook } from './request-book.ts'

const minuteOf = (service: string, at: number, all: number, failed: number): Detection => ({
  ...alert({ service, fingerprint: 'f', at: at * MINUTE }),
  kind: 'activity',
  startedAtMs: T0 + at * MINUTE,
  requests: { all, failed },
})

describe('the error budget', () => {
  const at = { nowMs: T0 + 5 * MINUTE, allowedShare: 0.001 }

  it('[C6] burns as many times too fast as the failed share is above the allowed one', () => {
    const book = new RequestBook()
    book.note(minuteOf('cart-2', 1, 1000, 10))
    book.note(minuteOf('cart-2', 2, 1000, 20))
    expect(book.burn(['prod/cart-2'], at)).toBeCloseTo(15, 9)
  })

  it('a minute told by two members counts once, and the worst service is told', () => {
    const book = new RequestBook()
    for (let times = 0; times < 2; times += 1) book.note(minuteOf('cart-2', 1, 500, 1))
    book.note(minuteOf('pay-3', 1, 500, 50))
    expect(book.burn(['prod/cart-2'], at)).toBeCloseTo(2, 9)
    expect(book.burn(['prod/cart-2', 'prod/pay-3'], at)).toBeCloseTo(100, 9)
  })

  it('says nothing without requests, of few of them, and of those a quarter of an hour ago', () => {
    const book = new RequestBook()
    expect(book.burn(['prod/cart-2'], at)).toBeNull()
    book.note(minuteOf('cart-2', 1, 29, 29))
    expect(book.burn(['prod/cart-2'], at)).toBeNull()
    book.note(minuteOf('pay-3', 1, 500, 50))
    expect(book.burn(['prod/pay-3'], { ...at, nowMs: T0 + 30 * MINUTE })).toBeNull()
  })

  it('continues where it was saved', () => {
    const book = new RequestBook()
    book.note(minuteOf('cart-2', 1, 1000, 10))
    const other = new RequestBook(JSON.parse(JSON.stringify(book.save())) as never)
    expect(other.burn(['prod/cart-2'], at)).toBe(book.burn(['prod/cart-2'], at))
  })
})
