import { describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createBacktest, GRACE_MS, SETTLE_MS } from './backtest.ts'
import { EARLY_WARNING } from './early-warning.ts'
import { emptyState, step, windowFrom } from './evaluate.ts'
import type { DetectorState, GroupValue } from './evaluate.ts'
import { findingOf } from './finding.ts'
import { readSpec, specId } from './spec.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 0, 5, 8)
const GOOD = { sql: 'SELECT count() AS value FROM events', sign: '>', value: 10, service: 'pay' }
const SPEC = readSpec({ ...GOOD, window_min: 1 })

const row = (value: number, more: Partial<GroupValue> = {}): GroupValue => ({
  service: 'pay',
  environment: 'prod',
  name: '',
  value,
  ...more,
})

/** Outcomes of a run of windows, as `kind@minute`. */
function run(
  values: readonly (number | null)[],
  spec = SPEC,
  state: DetectorState = emptyState(),
): string[] {
  return values.flatMap((value, minute) => {
    const window = windowFrom(START + minute * MINUTE, 1)
    const rows = value === null ? [] : [row(value)]
    return step(state, spec, { window, rows }).map(({ kind }) => `${kind}@${minute}`)
  })
}

describe('a detector of the team', () => {
  it('[N5] fires when its condition holds so many windows in a row, goes on, and ends', () => {
    expect(run([11, 11, 9])).toEqual(['fired@0', 'goes_on@1', 'ended@2'])
    const spec = { ...SPEC, in_a_row: 3 }
    expect(run([11, 11, 9, 11, 11, 11, 11, null], spec)).toEqual([
      'fired@5',
      'goes_on@6',
      'ended@7',
    ])
  })

  it('[N5] compares with what is usual once that is known', () => {
    const spec = { ...SPEC, value: 2, usual: { times: 3, windows: 4 } }
    // Nothing before the fourth window; then 4 is usual, and 12 is not more than three times that.
    expect(run([9, 1, 3, 3, 12, 15], spec)).toEqual(['fired@5'])
    const drop = { ...SPEC, sign: '<' as const, value: 50, usual: { times: 0.5, windows: 2 } }
    expect(run([40, 40, 21, 16, 1], drop)).toEqual(['fired@4'])
  })

  it('[N5] the state kept in the log goes on where it stopped, whatever the values', () => {
    const random = createSeededRandom(5)
    const spec = { ...SPEC, in_a_row: 2, usual: { times: 1.5, windows: 5 } }
    const values = Array.from({ length: 300 }, () => (random.unit() < 0.2 ? null : random.int(40)))
    const whole = run(values, spec)
    expect(whole.length).toBeGreaterThan(20)
    let state = emptyState()
    const pieces = values.flatMap((value, minute) => {
      state = JSON.parse(JSON.stringify(state)) as DetectorState
      const window = windowFrom(START + minute * MINUTE, 1)
      const rows = value === null ? [] : [row(value)]
      return step(state, spec, { window, rows }).map(({ kind }) => `${kind}@${minute}`)
    })
    expect(pieces).toEqual(whole)
  })

  it('[N5] groups are told apart, and forgotten when there is nothing to remember', () => {
    const state = emptyState()
    const window = windowFrom(START, 1)
    const rows = [row(11), row(3, { name: 'eu' }), row(12, { service: 'cart' })]
    const fired = step(state, SPEC, { window, rows })
    expect(fired.map(({ group }) => group.service)).toEqual(['cart', 'pay'])
    for (let minute = 1; minute < 4; minute += 1)
      step(state, SPEC, { window: windowFrom(START + minute * MINUTE, 1), rows: [] })
    expect(state.groups).toEqual({})
  })

  it('[N5] says in one sentence what it saw, with the numbers', () => {
    const spec = { ...SPEC, in_a_row: 2, usual: { times: 3, windows: 1 } }
    const detector = { project: 'p', id: 'd', name: 'Failed payments', spec }
    const state = emptyState()
    const told = [2, 20, 70].flatMap((value, minute) => {
      const window = windowFrom(START + minute * MINUTE, 1)
      return step(state, spec, { window, rows: [row(value)] }).map((outcome) =>
        findingOf(detector, outcome, window),
      )
    })
    expect(told.map(({ sentence }) => sentence)).toEqual([
      'Failed payments of pay: 70 in 1 min to 08:03 UTC, more than 10 and more than 3 times the usual 20, 2 windows in a row',
    ])
    expect(told[0]).toMatchObject({
      kind: 'sql',
      subject: 'sql/d',
      service: 'pay',
      observed: 70,
      atMs: START + 3 * MINUTE,
      startedAtMs: START + MINUTE,
    })
  })

  it.each([
    [{ ...GOOD, sql: '' }, 'sql'],
    [{ ...GOOD, sign: '=' }, 'sign'],
    [{ ...GOOD, value: '3' }, 'value'],
    [{ ...GOOD, value: Number.NaN }, 'value'],
    [{ ...GOOD, window_min: 16 }, 'window_min'],
    [{ ...GOOD, window_min: 1.5 }, 'window_min'],
    [{ ...GOOD, in_a_row: 0 }, 'in_a_row'],
    [{ ...GOOD, usual: 3 }, 'usual'],
    [{ ...GOOD, usual: { times: 0 } }, 'usual.times'],
    [{ ...GOOD, usual: { times: 2, windows: 99 } }, 'usual.windows'],
    [{ ...GOOD, effect: 'page' }, 'effect'],
    [{ ...GOOD, colour: 'red' }, 'colour'],
    [{ ...GOOD, sql: 'x'.repeat(10_001) }, 'sql'],
    [[], 'detector'],
    ['SELECT 1', 'detector'],
  ])('[N5] refuses what is wrong and names it, case %#', (body, path) => {
    expect(() => readSpec(body)).toThrow(
      expect.toSatisfy(
        (error) => isFaultlineError(error, 'invalid_request') && error.path === path,
      ) as Error,
    )
  })

  it('[N5] every part of the text makes another detector', () => {
    const others = [
      { ...SPEC, sql: `${SPEC.sql} ` },
      { ...SPEC, value: 11 },
      { ...SPEC, sign: '>=' as const },
      { ...SPEC, window_min: 2 },
      { ...SPEC, in_a_row: 2 },
      { ...SPEC, usual: { times: 2, windows: 12 } },
      { ...SPEC, effect: 'warn' as const },
      { ...SPEC, service: 'cart' },
      { ...SPEC, environment: 'dev' },
    ]
    expect(new Set([SPEC, ...others].map((spec) => specId(spec))).size).toBe(others.length + 1)
    expect(specId({ ...SPEC })).toBe(specId(SPEC))
  })
})

const HOUR = 60 * MINUTE
const incident = (id: string, openedAt: number, services = ['pay']) => ({
  id,
  openedAt,
  resolvedAt: openedAt + 30 * MINUTE,
  services,
})

/** A back-test of so many minutes with peaks at some of them. */
function tested(peaks: readonly number[], known: Parameters<typeof finishOf>[1], spec = SPEC) {
  return finishOf({ minutes: 480, peaks, spec }, known)
}

function finishOf(
  { minutes, peaks, spec }: { minutes: number; peaks: readonly number[]; spec: typeof SPEC },
  known: readonly ReturnType<typeof incident>[],
) {
  const fromMs = START
  const toMs = START + minutes * MINUTE
  const test = createBacktest({ name: 'n', spec, fromMs, toMs, atMs: toMs, actor: 'ann' })
  for (const window of test.windows) {
    const minute = (window.fromMs - START) / MINUTE
    test.take(window, [row(peaks.includes(minute) ? 50 : 1)])
  }
  return test.finish(known, 1000)
}

describe('what a back-test tells', () => {
  it('[N5] firings per day, and which known incidents they overlap with', () => {
    const known = [incident('a', START + HOUR), incident('b', START + 3 * HOUR, ['cart'])]
    const result = tested([10, 70, 71, 190, 400], known)
    expect(result).toMatchObject({ windows: 480, firings_total: 4, per_day: 12, events: 1000 })
    expect(result).toMatchObject({ incidents: 2, incidents_met: 1, firings_met: 1 })
    expect(result.firings.map(({ incident: met }) => met)).toEqual([null, 'a', null, null])
    expect(result.firings[1]).toMatchObject({
      at: START + 71 * MINUTE,
      ended_at: START + 73 * MINUTE,
    })
    expect(Math.max(...result.series.map(({ value }) => value))).toBe(50)
    expect(result.series.length).toBeLessThanOrEqual(240)
  })

  it('[N5] windows that fail are counted and not taken for quiet ones', () => {
    const wish = { name: 'n', spec: SPEC, fromMs: START, toMs: START + 3 * MINUTE, atMs: 0 }
    const test = createBacktest({ ...wish, actor: '' })
    const [first, , third] = test.windows
    test.take(first!, [row(50)])
    test.skip('too heavy')
    test.take(third!, [row(50)])
    const result = test.finish([], 3)
    expect(result).toMatchObject({ windows_failed: 1, problem: 'too heavy', firings_total: 1 })
    expect(result.firings[0]!.ended_at).toBeNull()
  })

  it('[C18] a warning counts only when an incident of its service opens after it could be known', () => {
    const knownAfter = (minute: number): number =>
      START + (minute + 1) * MINUTE + GRACE_MS + SETTLE_MS
    const known = [
      incident('early', knownAfter(10) + 5 * MINUTE),
      // Opened when the warning could not be known yet: it warned nobody.
      incident('late', knownAfter(100) - 1),
      incident('other', knownAfter(200) + MINUTE, ['cart']),
      incident('far', knownAfter(300) + 31 * MINUTE),
      // One is open when it fires: the next one is nothing it warned of.
      incident('open', START + 380 * MINUTE),
      incident('next', START + 400 * MINUTE),
    ]
    const { warned } = tested([10, 100, 200, 300, 390], known)
    expect(warned).toEqual({ within_min: 30, hits: 1, during: 2, precision: 0.2, lead_min: 5 })
    expect(tested([], known).warned).toMatchObject({ precision: null, lead_min: null })
  })

  it('[C18] the early warning asks for less than an incident, and only warns', () => {
    expect(readSpec(EARLY_WARNING)).toEqual(EARLY_WARNING)
    const window = windowFrom(START, 1)
    const outcome = {
      kind: 'fired',
      group: { service: 'pay', environment: 'prod', name: '' },
      open: { startedAtMs: START - MINUTE, firedAtMs: window.toMs, peak: 4 },
      value: 4,
      usual: 0.5,
    } as const
    const detector = {
      project: 'p',
      id: 'early-warning',
      name: 'Failures rise',
      spec: EARLY_WARNING,
    }
    expect(findingOf(detector, outcome, window)).toMatchObject({
      kind: 'warning',
      sentence:
        'Early warning (experimental): Failures rise of pay: 4 in 1 min to 08:01 UTC, at least 3 and at least 2 times the usual 0.5, 2 windows in a row',
    })
  })
})
