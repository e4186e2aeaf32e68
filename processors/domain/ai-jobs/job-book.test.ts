import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import type { AiJob } from '#/schemas/records.ts'
import { APART_MS, ATTEMPTS_MAX, backoffMs, jobIdOf, WAIT_MS_MAX } from './job.ts'
import type { Outcome } from './job.ts'
import { JobBook } from './job-book.ts'
import type { BookSnapshot, Wish } from './job-book.ts'

const T0 = Date.UTC(2026, 10, 25, 10)
const S = 1000
const RICH = {
  budget: { tokensMax: 1e9, costMicrosMax: 1e9 },
  reserve: { tokens: 100, costMicros: 10 },
}
const wish = (at: number, incidentId = 'i1', actor = ''): Wish => ({
  project: 'shop',
  incidentId,
  promptVersion: 'p1',
  priority: 2,
  actor,
  at,
})
const record = (part: Partial<AiJob>, detail: object = {}): AiJob => ({
  project: 'shop',
  incident_id: 'i1',
  job_id: '',
  status: 'pending',
  at: T0,
  owner: '',
  attempt: 0,
  ...part,
  detail: JSON.stringify(detail),
})

/** A worker's hand on the book: what it would append, applied at once. */
function handOf(book: JobBook) {
  const plan = (given: Wish): string => {
    const made = book.plan(given)
    if ('coalesced' in made) return made.coalesced.id
    const { jobId: job_id, planned } = made
    const { project, incidentId: incident_id, at } = given
    book.apply(record({ project, incident_id, job_id, at }, planned))
    return job_id
  }
  const lease = (id: string, at: number, owner = 'w1', leaseMs = 60 * S) => {
    const attempt = (book.job(id)?.attempt ?? 0) + 1
    const detail = { kind: 'summary', until: at + leaseMs, reserve: RICH.reserve }
    return book.apply(record({ job_id: id, status: 'leased', at, owner, attempt }, detail))
  }
  const end = (id: string, at: number, part: Partial<AiJob> = {}, outcome: Outcome = 'ok') => {
    const { owner = '', attempt = 0 } = book.job(id) ?? {}
    const usage = { tokens: 70, costMicros: 7 }
    const detail = { outcome, reason: '', usage, latencyMs: 5, model: 'm' }
    const base = { job_id: id, status: 'completed', at, owner, attempt }
    return book.apply(record({ ...base, ...part }, detail))
  }
  const retry = (id: string, at: number, outcome: Outcome, retryAfterMs?: number) => {
    const { owner = '', attempt = 0 } = book.job(id) ?? {}
    const detail = { notBefore: at + 5 * S, outcome, reason: outcome, usage: {}, retryAfterMs }
    return book.apply(record({ job_id: id, at, owner, attempt }, detail))
  }
  return { plan, lease, end, retry }
}

describe('jobs of the AI worker', () => {
  it('[AJ1] [AJ2] a lease belongs to the first in the log, and ends with its time', () => {
    const book = new JobBook()
    const hand = handOf(book)
    const id = hand.plan(wish(T0))
    expect(hand.lease(id, T0 + 9 * S)).toBe('refused')
    expect(hand.lease(id, T0 + 10 * S, 'w1')).toBe('leased')
    expect(hand.lease(id, T0 + 11 * S, 'w2')).toBe('refused')
    expect(hand.lease(id, T0 + 70 * S, 'w2')).toBe('leased')
    // The first one was not dead, only slow: its result comes too late, what it cost was paid all the same.
    expect(hand.end(id, T0 + 71 * S, { owner: 'w1', attempt: 1 })).toBe('refused')
    expect(book.spending.of('shop', T0).tokens).toBe(70)
    expect(hand.end(id, T0 + 72 * S)).toBe('ended')
    expect(hand.lease(id, T0 + 900 * S)).toBe('refused')
    expect(book.spending.of('shop', T0)).toMatchObject({
      tokens: 140,
      calls: 2,
      answers: 1,
      reserved: { tokens: 0, costMicros: 0 },
    })
  })

  it('[AJ3] begins at most four attempts, further and further apart', () => {
    const book = new JobBook()
    const hand = handOf(book)
    const id = hand.plan(wish(T0))
    let at = T0 + 10 * S
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      expect(hand.lease(id, at)).toBe('leased')
      expect(hand.retry(id, at + S, 'invalid')).toBe('retried')
      at += 100 * S
    }
    expect(hand.lease(id, at)).toBe('refused')
    expect(book.next(at, RICH)).toBeUndefined()
    const middle = [1, 2, 3].map((attempt) => backoffMs(attempt, 0.5))
    expect(middle).toEqual([3750, 7500, 15_000])
    expect(backoffMs(1, 0.99)).toBeLessThan(5000)
    expect(backoffMs(1, 0)).toBeGreaterThanOrEqual(2500)
    expect(backoffMs(1, 0, 60_000)).toBe(60_000)
  })

  it('[AJ3] gives up what waited for six hours, and what died with its fourth worker', () => {
    const book = new JobBook()
    const hand = handOf(book)
    const old = hand.plan(wish(T0))
    expect(book.hopeless(T0 + WAIT_MS_MAX)).toEqual([])
    expect(book.hopeless(T0 + WAIT_MS_MAX + 1).map(({ id }) => id)).toEqual([old])
    let at = T0 + 10 * S
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1, at += 60 * S) hand.lease(old, at)
    expect(book.hopeless(at - 1)).toEqual([])
    const giveUp = record({ job_id: old, status: 'failed', at, owner: 'w9' })
    expect(book.apply({ ...giveUp, at: at - 1 })).toBe('refused')
    expect(book.apply(giveUp)).toBe('ended')
    expect(book.spending.of('shop', at).reserved).toEqual({ tokens: 0, costMicros: 0 })
  })

  it('[AJ4] the same wish is the same job, also when everything is read again', () => {
    const one = { project: 'a', incidentId: 'i', kind: 'summary' as const, windowEnd: 5 }
    expect(jobIdOf({ ...one, promptVersion: '1' })).toBe(jobIdOf({ ...one, promptVersion: '1' }))
    expect(jobIdOf({ ...one, promptVersion: '1' })).not.toBe(
      jobIdOf({ ...one, promptVersion: '2' }),
    )
    const book = new JobBook()
    const hand = handOf(book)
    const id = hand.plan(wish(T0))
    hand.lease(id, T0 + 10 * S)
    hand.end(id, T0 + 12 * S)
    // A replay plans it again with the same words.
    const again = { kind: 'summary', notBefore: T0 + 10 * S, promptVersion: 'p1', priority: 2 }
    expect(book.apply(record({ job_id: id, at: T0 }, again))).toBe('refused')
    expect(book.job(id)?.status).toBe('completed')
    expect(book.next(T0 + 100 * S, RICH)).toBeUndefined()
  })

  it('[AJ5] [I5] wishes about one incident become one job, and jobs are 30 s apart', () => {
    const book = new JobBook()
    const hand = handOf(book)
    const first = hand.plan(wish(T0))
    expect(hand.plan(wish(T0 + 3 * S))).toBe(first)
    expect(hand.plan(wish(T0 + 4 * S, 'i1', 'anna'))).toBe(first)
    expect(hand.plan(wish(T0 + 3 * S, 'i2'))).not.toBe(first)
    hand.lease(first, T0 + 10 * S)
    const second = hand.plan(wish(T0 + 11 * S, 'i1', 'anna'))
    expect(second).not.toBe(first)
    expect(book.job(second)?.notBefore).toBe(T0 + 10 * S + APART_MS)
    hand.end(first, T0 + 35 * S)
    expect(hand.lease(second, T0 + 40 * S)).toBe('refused')
    expect(hand.lease(second, T0 + 65 * S)).toBe('leased')
  })

  it('[AJ6] [I17] a budget of 0 allows nothing, and any other one is never exceeded', () => {
    const book = new JobBook()
    const hand = handOf(book)
    const id = hand.plan(wish(T0))
    const at = T0 + 10 * S
    const none = { tokensMax: 0, costMicrosMax: 1e9 }
    expect(book.next(at, { ...RICH, budget: none })).toBeUndefined()
    const noMoney = { tokensMax: 1e9, costMicrosMax: 0 }
    expect(book.next(at, { ...RICH, budget: noMoney })).toBeUndefined()
    hand.lease(id, at)
    hand.plan(wish(T0, 'i2'))
    // 100 are kept free for the first one, 100 more would be needed.
    expect(
      book.next(at, { ...RICH, budget: { tokensMax: 199, costMicrosMax: 1e9 } }),
    ).toBeUndefined()
    expect(book.next(at, { ...RICH, budget: { tokensMax: 200, costMicrosMax: 1e9 } })).toBeDefined()
    hand.end(id, at + S)
    expect(
      book.next(at + S, { ...RICH, budget: { tokensMax: 170, costMicrosMax: 1e9 } }),
    ).toBeDefined()
    // Tomorrow is another day.
    expect(book.spending.of('shop', at + 86_400_000).tokens).toBe(0)
  })

  it('[AJ7] [I3] five failures in a minute open the breaker; one probe at a time; an answer closes it', () => {
    const book = new JobBook()
    const hand = handOf(book)
    const ids = Array.from({ length: 8 }, (_, at) => hand.plan(wish(T0, `i${at}`)))
    let at = T0 + 10 * S
    for (const id of ids.slice(0, 5)) {
      expect(book.breaker.state).toBe('closed')
      hand.lease(id, at)
      hand.retry(id, (at += S), 'unavailable')
    }
    expect(book.breaker).toMatchObject({ state: 'open', openings: 1 })
    const openedAt = at
    expect(book.next(openedAt + 29 * S, RICH)).toBeUndefined()
    expect(hand.lease(ids[5]!, openedAt + 29 * S)).toBe('refused')
    const probe = book.next(openedAt + 30 * S, RICH)!
    const attemptBefore = probe.attempt
    expect(hand.lease(probe.id, openedAt + 30 * S)).toBe('leased')
    expect(book.breaker.state).toBe('half-open')
    const other = ids.find((id) => id !== probe.id && book.job(id)?.attempt === 0)!
    expect(hand.lease(other, openedAt + 31 * S, 'w2')).toBe('refused')
    hand.retry(probe.id, openedAt + 32 * S, 'unavailable')
    expect(book.breaker).toMatchObject({ state: 'open', openings: 2 })
    expect(book.job(probe.id)?.attempt).toBe(attemptBefore)
    const next = book.next(openedAt + 62 * S, RICH)!
    hand.lease(next.id, openedAt + 62 * S)
    hand.end(next.id, openedAt + 63 * S)
    expect(book.breaker.state).toBe('closed')
    const idle = ids.find((id) => id !== next.id && book.job(id)?.status === 'pending')!
    expect(hand.lease(idle, openedAt + 64 * S)).toBe('leased')
  })

  it('[AJ7] failures further apart than a minute do not open it; a person may close it', () => {
    const book = new JobBook()
    const hand = handOf(book)
    const ids = Array.from({ length: 12 }, (_, at) => hand.plan(wish(T0, `i${at}`)))
    let at = T0 + 10 * S
    for (const id of ids.slice(0, 7)) {
      hand.lease(id, at)
      hand.retry(id, at, 'unavailable')
      at += 16 * S
    }
    expect(book.breaker.state).toBe('closed')
    for (const id of ids.slice(7)) {
      hand.lease(id, at)
      hand.retry(id, at, 'refused')
    }
    expect(book.breaker.state).toBe('open')
    expect(book.apply(record({ status: 'reset', at }))).toBe('reset')
    expect(book.breaker).toMatchObject({ state: 'closed', resetAt: at })
  })

  it('[AJ8] after a 429 with Retry-After nobody asks until then, and the breaker stays closed', () => {
    const book = new JobBook()
    const hand = handOf(book)
    const [first, second] = [hand.plan(wish(T0, 'i1')), hand.plan(wish(T0, 'i2'))]
    hand.lease(first, T0 + 10 * S)
    hand.retry(first, T0 + 11 * S, 'limited', 40 * S)
    expect(hand.lease(second, T0 + 50 * S)).toBe('refused')
    expect(book.wakeAt(T0 + 12 * S)).toBe(T0 + 51 * S)
    expect(book.breaker.state).toBe('closed')
    expect(hand.lease(second, T0 + 51 * S)).toBe('leased')
  })

  it('[AJ2] [AJ5] [AJ6] whatever a log holds: one result a job, nothing twice at a time, no reservation left', () => {
    const step = fc.record({
      kind: fc.constantFrom('plan', 'lease', 'end', 'retry', 'fail', 'stale', 'rubbish', 'reset'),
      incident: fc.nat(2),
      owner: fc.constantFrom('w1', 'w2', 'w3'),
      waitMs: fc.integer({ min: -2000, max: 40_000 }),
      outcome: fc.constantFrom<Outcome[]>('ok', 'invalid', 'limited', 'unavailable', 'refused'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const book = new JobBook()
        const twin = new JobBook()
        const both = (given: AiJob) => {
          const verdict = book.apply(given)
          expect(twin.apply(structuredClone(given))).toBe(verdict)
          return verdict
        }
        const ends = new Map<string, number>()
        const leases: { id: string; at: number; until: number }[] = []
        let at = T0
        let paid = 0
        for (const { kind, incident, owner, waitMs, outcome } of steps) {
          at += waitMs
          const usage = { tokens: 3, costMicros: 1 }
          const own = { incident_id: `i${incident}`, at, owner }
          const job = [...book.jobs()].find(
            (one) => one.incidentId === `i${incident}` && one.status !== 'completed',
          )
          const held = { ...own, job_id: job?.id ?? 'none', attempt: job?.attempt ?? 0 }
          if (kind === 'plan') {
            const made = book.plan(wish(at, `i${incident}`))
            if ('planned' in made) both(record({ ...own, job_id: made.jobId }, made.planned))
          } else if (kind === 'lease') {
            const detail = { kind: 'summary', until: at + 20_000, reserve: RICH.reserve }
            const leased = { ...held, status: 'leased', attempt: held.attempt + 1 }
            if (both(record(leased, detail)) === 'leased')
              leases.push({ id: held.job_id, at, until: at + 20_000 })
          } else if (kind === 'rubbish') {
            both({ ...record({ ...held, status: 'completed' }), detail: '{"usage":{"tokens":-5' })
          } else if (kind === 'reset') both(record({ ...own, status: 'reset' }))
          else {
            const status = {
              end: 'completed',
              stale: 'completed',
              retry: 'pending',
              fail: 'failed',
            }[kind]
            const who = kind === 'stale' ? { owner: 'ghost' } : { owner: job?.owner ?? owner }
            const detail = { outcome, usage, reason: '', notBefore: at }
            const given = record({ ...held, ...who, status: status ?? '' }, detail)
            // A record of a job nobody knows plans it, if it says when.
            if (status === 'pending' && job === undefined) continue
            paid += 3
            const verdict = both(given)
            if (verdict === 'ended') ends.set(held.job_id, (ends.get(held.job_id) ?? 0) + 1)
          }
        }
        expect([...ends.values()].every((count) => count === 1)).toBe(true)
        for (const one of book.jobs()) expect(one.attempt).toBeLessThanOrEqual(ATTEMPTS_MAX)
        const day = book.spending.of('shop', T0)
        const running = [...book.jobs()].filter(({ status }) => status === 'leased').length
        expect(day.reserved.tokens).toBe(running * 100)
        expect(day.tokens).toBe(paid)
        expect([...book.jobs()]).toEqual([...twin.jobs()])
        // What was stored and read again is the same book.
        const restored = JobBook.restore(
          JSON.parse(JSON.stringify(book.snapshot())) as BookSnapshot,
        )
        expect(restored.snapshot()).toEqual(book.snapshot())
      }),
      { numRuns: 300 },
    )
  })

  it('[AJ9] remembers 5,000 jobs and stays quick', () => {
    const book = new JobBook()
    const hand = handOf(book)
    const random = createSeededRandom(3)
    for (let made = 0; made < 6_000; made += 1) hand.plan(wish(T0 + random.int(1000), `i${made}`))
    expect([...book.jobs()]).toHaveLength(5_000)
    expect(book.next(T0 + 60 * S, RICH)).toBeDefined()
  })
})
