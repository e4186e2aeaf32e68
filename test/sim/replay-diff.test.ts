import { beforeAll, describe, expect, it } from 'vitest'
import { diffReplay } from '#/cli/replay-diff.ts'
import { runSweep } from '#/cli/sweep-desk.ts'
import type { ReplayDiffWish } from '#/cli/replay-diff.ts'
import { systemClock } from '#/kernel/clock.ts'
import { sweepPlan } from '#/processors/domain/incident/sweep.ts'
import type { LabelledIncident } from '#/processors/domain/incident/sweep.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { topicConfigsOf } from '#/processors/topology.ts'
import type { Event } from '#/schemas/records.ts'
import { appendOccurrence } from './chain.ts'
import { eventOf, SCHEMAS } from './fixture.ts'

/** Recorded telemetry through changed rules: two outages whose cause is known, and what each change does to them. */
const PARTITIONS = 3
const START_MS = Date.UTC(2026, 0, 5, 8)
const MINUTES = 70
const GUILTY = 'v2.4.1'

let log: Log
beforeAll(async () => {
  log = createMemoryLog({ clock: systemClock })
  await log.createTopics(topicConfigsOf([], { partitions: PARTITIONS, retentionMs: Infinity }))
  for (let second = 0; second < MINUTES * 60; second += 1) {
    const at = START_MS + second * 1000
    for (const event of eventsAt(second, at))
      await appendOccurrence(log, PARTITIONS, { kind: 'event', event })
    await appendOccurrence(log, PARTITIONS, { kind: 'tick', at: at + 1000 })
  }
})

/** Requests all the time; checkout breaks with a release at minute 30, search without one at minute 50. */
function eventsAt(second: number, at: number): Event[] {
  const minute = second / 60
  const common = { project: 'shop', received_at: at, occurred_at: at, id_made: false }
  const events = ['checkout', 'search'].map((service) =>
    eventOf({
      ...common,
      service,
      event_id: `${service}-${second}`,
      event_type: 'http_request',
      release: 'v2.4.0',
      status_code: 200,
      user_id: `u${second % 60}`,
    }),
  )
  const broken = { ...common, user_id: `u${second % 40}`, status_code: 500 }
  if (minute >= 30 && minute < 36)
    events.push(
      eventOf({
        ...broken,
        service: 'checkout',
        event_id: `bad-${second}`,
        release: GUILTY,
        error_type: 'PriceError',
        message: 'cart has no price',
      }),
    )
  if (minute >= 50 && minute < 56)
    events.push(
      eventOf({
        ...broken,
        service: 'search',
        event_id: `slow-${second}`,
        release: 'v2.4.0',
        error_type: 'IndexError',
        message: 'index is closed',
      }),
    )
  return events
}

function diff(over: Partial<ReplayDiffWish>) {
  return diffReplay(
    { log, clock: systemClock, schemas: SCHEMAS, breathe: async () => undefined },
    {
      project: 'shop',
      base: {},
      changed: {},
      without: [],
      fromMs: START_MS,
      toMs: START_MS + MINUTES * 60_000,
      historyMs: 0,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      ...over,
    },
  )
}

describe('replay diff', () => {
  it('[N1] same rules: no difference, and there was something to compare', async () => {
    const found = await diff({})
    expect(found.differences).toEqual([])
    expect(found).toMatchObject({ before: 2, after: 2, matched: 2, unchanged: 2 })
  })

  it('[N1] a planted change gives exactly the planted difference', async () => {
    const calls: string[] = []
    const topology = [{ name: 'search', criticality: 4, calls }]
    const worse = await diff({ changed: { topology } })
    expect(worse.differences).toHaveLength(1)
    expect(worse.differences[0]).toMatchObject({
      kind: 'severity',
      before: { services: ['search'] },
    })
    const blind = await diff({ changed: { policy: { openNatsNovel: 1e6, openNatsSpike: 1e6 } } })
    expect(blind.differences.map(({ kind }) => kind)).toEqual(['vanished', 'vanished'])
    const eager = await diff({
      base: { policy: { openNatsNovel: 1e6, openNatsSpike: 1e6 } },
      changed: { policy: { openNatsNovel: 8, openNatsSpike: 16 } },
    })
    expect(eager.differences.map(({ kind }) => kind)).toEqual(['new', 'new'])
    const first = await diff({ changed: { policy: { opening: 'first_event' } } })
    for (const one of first.differences) if (one.kind === 'moved') expect(one.byMs).toBeLessThan(0)
  })

  it('[N4] without the guilty release its incident vanishes, and only that one', async () => {
    const found = await diff({ without: [{ field: 'release', value: GUILTY }] })
    expect(found.differences).toHaveLength(1)
    expect(found.differences[0]).toMatchObject({
      kind: 'vanished',
      before: { services: ['checkout'] },
    })
    // Negative control: a release nobody has changes nothing.
    const innocent = await diff({ without: [{ field: 'release', value: 'v9' }] })
    expect(innocent.differences).toEqual([])
  })

  it('[N1] only incidents of the range are compared', async () => {
    const found = await diff({ toMs: START_MS + 45 * 60_000 })
    expect(found).toMatchObject({ before: 1, after: 1 })
  })

  it('stops when told to', async () => {
    const cancel = new AbortController()
    cancel.abort()
    await expect(diff({ signal: cancel.signal })).rejects.toThrow('aborted')
  })
})

const LABELLED: readonly LabelledIncident[] = [
  { id: 'a', label: 'real', openedAt: START_MS + 31 * 60_000, services: ['checkout'] },
  { id: 'b', label: 'noise', openedAt: START_MS + 51 * 60_000, services: ['search'] },
  // Opened by hand: nothing in the telemetry.
  { id: 'c', label: 'real', openedAt: START_MS + 5 * 60_000, services: ['cart'] },
]

function sweep(values: readonly number[], labelled = LABELLED) {
  return runSweep(
    { log, clock: systemClock, schemas: SCHEMAS, breathe: async () => undefined },
    {
      project: 'shop',
      base: {},
      fromMs: START_MS,
      toMs: START_MS + MINUTES * 60_000,
      historyMs: 0,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      plan: sweepPlan('evidence', values),
      pageLevel: 5,
      labelled,
    },
  )
}

describe('sweep', () => {
  it('[N6] each point is what a replay diff with its rules finds', async () => {
    const { points, not_reproduced: unknown } = await sweep([0.5, 1, 40, 1e6])
    expect(unknown).toBe(1)
    expect(points.map(({ in_force: holds }) => holds)).toEqual([false, true, false, false])
    for (const point of points) {
      const found = await diff({ changed: { policy: point.rules.incidents } })
      expect([point.value, point.incidents]).toEqual([point.value, found.after])
      const gone = new Set(
        found.differences.flatMap((one) => (one.kind === 'vanished' ? one.before.services : [])),
      )
      expect(point.real_missed).toBe(gone.has('checkout') ? 1 : 0)
      expect(point.noise_found).toBe(gone.has('search') ? 0 : 1)
    }
    expect(points[1]).toMatchObject({ incidents: 2, pages: 2, real_found: 1, real_missed: 0 })
    expect(points[1]!.pages_per_week).toBeCloseTo((2 / MINUTES) * 7 * 24 * 60, 1)
    // The control: at some point something is missed, and it is named.
    expect(points.at(-1)).toMatchObject({ incidents: 0, pages: 0, real_missed: 1, missed: ['a'] })
  })

  it('[N6] only what is bad enough pages somebody, and nothing is missed that nobody labelled', async () => {
    const { points, labelled } = await sweep([1e6], [])
    expect(points[0]).toMatchObject({ real_missed: 0, real_found: 0, missed: [] })
    expect(labelled).toEqual({ real: 0, noise: 0, duplicate: 0 })
  })

  it.each([
    ['colour', undefined, 'setting'],
    ['toString', undefined, 'setting'],
    [undefined, undefined, 'setting'],
    ['evidence', [], 'values'],
    ['evidence', ['1'], 'values'],
    ['evidence', [-1], 'values'],
    ['evidence', [1, 2, 3, 4, 5, 6, 7, 8, 9], 'values'],
  ])('[N6] refuses the setting %j with the values %j', (setting, values, path) => {
    expect(() => sweepPlan(setting, values)).toThrow(expect.objectContaining({ path }) as Error)
  })
})
