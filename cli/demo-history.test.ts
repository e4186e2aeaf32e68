import { describe, expect, it } from 'vitest'
import { historyLeftMin } from './demo-history.ts'

const NOW_MS = Date.UTC(2026, 0, 1, 12)

function left(newestPage: { items: { occurred_at: number }[] } | undefined): Promise<number> {
  return historyLeftMin(70, { nowMs: NOW_MS, newestPage: async () => newestPage })
}

describe('the past of the demo', () => {
  it('is told whole to a platform without events, or with old ones only', async () => {
    expect(await left({ items: [] })).toBe(70)
    expect(await left({ items: [{ occurred_at: NOW_MS - 26 * 3_600_000 }] })).toBe(70)
  })

  it('goes on where the last start ended', async () => {
    expect(await left({ items: [{ occurred_at: NOW_MS - 10.5 * 60_000 }] })).toBe(10)
    expect(await left({ items: [{ occurred_at: NOW_MS - 20_000 }] })).toBe(0)
    expect(await left({ items: [{ occurred_at: NOW_MS + 5000 }] })).toBe(0)
  })

  it('is not told where events may not be read', async () => {
    expect(await left(undefined)).toBe(0)
  })
})
