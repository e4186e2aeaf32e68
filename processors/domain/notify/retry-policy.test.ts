import { describe, expect, it } from 'vitest'
import { ATTEMPTS_MAX, judge } from './retry-policy.ts'

const NOW_MS = Date.UTC(2026, 10, 23, 2, 0)
const answer = (statusCode: number, retryAfter = '') => ({ statusCode, retryAfter, error: '' })
const at = (attempt = 1, unit = 0.999999) => ({ attempt, unit, nowMs: NOW_MS })
const pauseOf = (statusCode: number, retryAfter: string) => {
  const verdict = judge(answer(statusCode, retryAfter), at(1, 0))
  return verdict.kind === 'retry' ? verdict.inMs : undefined
}

describe('what becomes of an attempt', () => {
  it('[J1] any 2xx is delivered', () => {
    for (const code of [200, 202, 204, 299])
      expect(judge(answer(code), at()), String(code)).toEqual({ kind: 'delivered' })
  })

  it('[J1] pauses double up to a quarter of an hour, half of them by chance', () => {
    const pauses = (unit: number) =>
      Array.from({ length: ATTEMPTS_MAX - 1 }, (_, index) => {
        const verdict = judge(answer(500), at(index + 1, unit))
        return verdict.kind === 'retry' ? verdict.inMs / 1000 : 0
      })
    expect(pauses(0)).toEqual([2.5, 5, 10, 20, 40, 80, 160, 320, 450, 450, 450])
    expect(pauses(0.999999)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900])
    expect(judge(answer(500), at(ATTEMPTS_MAX)).kind).toBe('failed')
  })

  it('[J1] Retry-After is seconds or a date, honoured up to an hour', () => {
    expect(pauseOf(429, '90')).toBe(90_000)
    expect(pauseOf(503, 'Mon, 23 Nov 2026 02:03:00 GMT')).toBe(180_000)
    expect(pauseOf(503, '86400')).toBe(3_600_000)
    for (const nonsense of ['', 'soon', '-5', 'Mon, 23 Nov 2020 02:03:00 GMT', '1e9'])
      expect(pauseOf(503, nonsense), nonsense).toBe(2_500)
  })

  it('[J3] redirects are neither followed nor tried again', () => {
    expect(judge(answer(302), at())).toEqual({
      kind: 'failed',
      detail: 'answered 302: redirects are not followed',
    })
  })

  it('[J1] what repeating cannot mend is not repeated, all else is', () => {
    for (const code of [400, 410, 413, 422])
      expect(judge(answer(code), at()).kind, String(code)).toBe('failed')
    for (const code of [0, 401, 404, 408, 429, 500, 502])
      expect(judge(answer(code), at()).kind, String(code)).toBe('retry')
    expect(judge({ ...answer(0), isFinal: true }, at()).kind).toBe('failed')
  })
})
