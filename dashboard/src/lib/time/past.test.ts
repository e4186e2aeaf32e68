import { describe, expect, it } from 'vitest'
import { pastOf, pastParams, withPast } from '#lib/time/past.ts'

const of = (search: string) => pastOf(new URLSearchParams(search))

describe('[N2] a moment in an address', () => {
  it('is read, written and carried along; rubbish is now', () => {
    const at = Date.UTC(2026, 10, 26, 2, 30)
    expect(of('')).toBeNull()
    expect(of('at=yesterday')).toBeNull()
    expect(of('at=2026-11-26T02:30:00Z')).toEqual({ at, as: 'known' })
    expect(of('at=2026-11-26T02:30:00Z&as=true')).toEqual({ at, as: 'true' })
    expect(of(`at=${at}&as=nonsense`)).toEqual({ at, as: 'known' })
    const past = { at, as: 'true' } as const
    expect(withPast('/incidents', past)).toBe('/incidents?as=true&at=2026-11-26T02%3A30%3A00.000Z')
    expect(of(withPast('/incidents', past).split('?')[1] ?? '')).toEqual(past)
    expect(withPast('/incidents', null)).toBe('/incidents')
    expect(pastParams(null)).toEqual({ at: null, as: null })
  })
})
