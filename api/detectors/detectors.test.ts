import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestEngine, type TestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { AppDeps } from '#/api/deps.ts'
import { createTestApp, TEST_NOW_MS, type TestApp } from '#/api/test-app.ts'
import { GRACE_MS } from '#/processors/domain/sql-detector/backtest.ts'
import { findingIn } from '#/processors/domain/sql-detector/action.ts'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { createDecoder } from '#/schemas/codec.ts'
import type {
  DetectorBacktest,
  DetectorBacktestState,
  DetectorView,
} from '#/schemas/detector-view.ts'
import type { Event } from '#/schemas/records.ts'
import type { Reads } from '#/schemas/reads.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { openDetectorDesk, type DetectorDesk } from './desk.ts'
import { createEventStore } from './test-store.ts'
import { startDetectorWatch, type DetectorWatch } from './watch.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Minutes the clock goes on at once. */
const STEP = 2
const DETECTOR = {
  sql: "SELECT service, countIf(event_type = 'error') AS value FROM events GROUP BY service",
  window_min: 2,
  sign: '>=',
  value: 8,
  in_a_row: 2,
}

let engine: TestEngine
let reads: Reads
let store: ReturnType<typeof createEventStore>
/** Queries under way: the watch has done what it can when there are none. */
let asking = 0
let test: TestApp
let desk: DetectorDesk

beforeAll(async () => {
  engine = await startTestEngine()
  await migrate(engine.clickhouse, { retentionDays: 3650 })
  store = createEventStore(engine)
  const real = createReads(engine.clickhouse)
  reads = {
    ...real,
    async guardedSql(query) {
      asking += 1
      try {
        return await real.guardedSql(query)
      } finally {
        asking -= 1
      }
    },
  }
})
afterAll(() => engine.stop())

beforeEach(async () => {
  await engine.clickhouse.command('TRUNCATE TABLE events')
  test = await createTestApp({
    detectors: async (deps) => (desk = await openDetectorDesk(depsOf(deps))),
  })
})
afterEach(async () => {
  await desk.close()
  await test.close()
})

const depsOf = ({ log, clock, schemaIds, registry }: AppDeps) => ({
  log,
  clock,
  schemaIds,
  registry,
  reads,
})

const call = (method: 'POST' | 'DELETE', url: string, body?: object, key = test.adminKey) =>
  test.app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })

async function backtest(body: object, key = test.adminKey): Promise<DetectorBacktestState> {
  const started = await call('POST', '/api/detectors/backtests', body, key)
  if (started.statusCode !== 202) throw new Error(started.body)
  for (;;) {
    const { body: now } = await test.get('/api/detectors/backtests')
    const state = now['state'] as DetectorBacktestState
    if (!state.running) return state
    await systemClock.sleep(5)
  }
}

const done = async (body: object): Promise<DetectorBacktest> => {
  const { phase, error, backtest: result } = await backtest(body)
  expect([phase, error]).toEqual(['done', ''])
  return result!
}

async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet = asking === 0 ? quiet + 1 : 0) await systemClock.sleep(2)
}

const watchOf = (): Promise<DetectorWatch> =>
  startDetectorWatch({ ...depsOf(test.deps), book: desk.book, isStored: async () => true })

/** What the log holds of detectors, in its order. */
async function findings(): Promise<Detection[]> {
  const decoder = createDecoder('Action')
  const found: Detection[] = []
  for (const { name, partitions } of await test.log.topics())
    for (let partition = 0; name === TOPICS.actions.name && partition < partitions; partition++) {
      const options = { bytesMax: 1 << 24, waitMs: 0 }
      for (const { value } of await test.log.read({ topic: name, partition }, 0, options)) {
        const finding = findingIn(decoder.decode(value!))
        if (finding !== undefined) found.push(finding)
      }
    }
  return found
}

const errorAt = (at: number, more: Partial<Event> = {}): Partial<Event> => ({
  project: 'default',
  occurred_at: at,
  received_at: at + 100,
  ...more,
})

/** Errors of two services with bursts, some of them late. */
function traffic(startMs: number, minutes: number): Partial<Event>[] {
  const random = createSeededRandom(42)
  const events: Partial<Event>[] = []
  for (let minute = 0; minute < minutes; minute += 1)
    for (const service of ['pay', 'cart']) {
      const isBurst = (minute + (service === 'pay' ? 0 : 17)) % 19 > 13
      const count = random.int(isBurst ? 14 : 3)
      for (let index = 0; index < count; index += 1) {
        const at = startMs + minute * MINUTE + random.int(MINUTE)
        // One in seven is on its way for up to five minutes.
        const underWay = random.unit() < 0.15 ? random.int(5 * MINUTE) : random.int(2_000)
        events.push(errorAt(at, { service, received_at: at + underWay }))
      }
    }
  return events
}

describe('detectors of the team', () => {
  it('[N5] live and back-test say the same of the same data, also with late events and a restart', async () => {
    const minutes = 80
    const events = traffic(TEST_NOW_MS, minutes).toSorted((a, b) => a.received_at! - b.received_at!)
    await store.add(traffic(TEST_NOW_MS - 5 * HOUR, 20))
    expect((await done({ name: 'Errors', detector: DETECTOR, days: 1 })).events).toBeGreaterThan(20)
    const saved = await call('POST', '/api/detectors', { name: 'Errors', detector: DETECTOR })
    const { id } = saved.json<DetectorView>()
    await call('POST', `/api/detectors/${id}/on`)
    let watch = await watchOf()
    let next = 0
    for (let minute = STEP; minute <= minutes + 8; minute += STEP) {
      // Only what has arrived by then is stored when the clock goes on.
      const nowMs = test.clock.nowMs() + STEP * MINUTE
      const until = events.findIndex(({ received_at: at }) => at! >= nowMs)
      const end = until < 0 ? events.length : until
      await store.add(events.slice(next, end))
      next = end
      await test.clock.advance(STEP * MINUTE)
      await settle()
      if (minute !== 32) continue
      // Another process goes on, with what the log says of how far this one came.
      await watch.close()
      await desk.close()
      desk = await openDetectorDesk(depsOf(test.deps))
      test.deps.detectors = desk
      watch = await watchOf()
    }
    await test.clock.advance(MINUTE)
    await settle()
    await watch.close()
    const live = await findings()
    const fired = live.filter(({ kind }) => kind === 'sql')
    const again = await done2(TEST_NOW_MS, TEST_NOW_MS + minutes * MINUTE)
    const told = again.firings.map(({ at, service, value, sentence }) => [
      at,
      service,
      value,
      sentence,
    ])
    const inRange = fired.filter(({ atMs }) => atMs <= TEST_NOW_MS + minutes * MINUTE)
    expect(told.length).toBeGreaterThan(5)
    expect(new Set(told.map(([, service]) => service))).toEqual(new Set(['pay', 'cart']))
    expect(inRange.map((one) => [one.atMs, one.service, one.observed, one.sentence])).toEqual(told)
    // Told once each, and each of them ends but perhaps the last.
    expect(new Set(fired.map((one) => one.id)).size).toBe(fired.length)
    const ends = live.filter(({ kind }) => kind === 'episode_end')
    expect(fired.length - ends.length).toBeLessThanOrEqual(2)
    // The control: what came too late would have changed it.
    const late = events.filter((one) => one.received_at! >= windowEnd(one.occurred_at!) + GRACE_MS)
    expect(late.length).toBeGreaterThan(10)
  }, 60_000)

  const windowEnd = (at: number): number => (Math.floor(at / 120_000) + 1) * 120_000
  /** From the desk that is there now: the app keeps the first one. */
  async function done2(fromMs: number, toMs: number): Promise<DetectorBacktest> {
    const [first] = desk.list('default')
    const { spec, name } = first!
    desk.startBacktest({ project: 'default', name, spec, actor: 'ann', fromMs, toMs })
    while (desk.backtestState('default').running) await systemClock.sleep(5)
    return desk.backtestState('default').backtest!
  }
})

describe('the gate', () => {
  it('[N5] neither saved nor switched on without a back-test of exactly this text', async () => {
    const save = (detector: object) => call('POST', '/api/detectors', { name: 'Errors', detector })
    const refused = await save(DETECTOR)
    expect(refused.statusCode).toBe(409)
    expect(refused.json()).toMatchObject({ code: 'backtest_missing', path: 'sql' })
    // Less than a day says nothing about firings a day.
    await done({ detector: DETECTOR, from: TEST_NOW_MS - HOUR })
    expect((await save(DETECTOR)).json()).toMatchObject({ code: 'backtest_missing' })
    await done({ detector: DETECTOR, days: 1 })
    // One character more is another text.
    expect((await save({ ...DETECTOR, sql: `${DETECTOR.sql} ` })).statusCode).toBe(201)
    const other = await save({ ...DETECTOR, value: 9 })
    expect(other.json()).toMatchObject({ code: 'backtest_missing' })
    const warning = await call('POST', '/api/detectors/early-warning/on')
    expect([warning.statusCode, warning.json().code]).toEqual([409, 'backtest_missing'])
    expect((await save(DETECTOR)).statusCode).toBe(409)
    expect((await test.get('/api/detectors')).body['items']).toHaveLength(2)
  })

  it('[N5] off at first; on, off and away, as the log says', async () => {
    await done({ detector: DETECTOR, days: 1 })
    const saved = await call('POST', '/api/detectors', { name: 'Errors', detector: DETECTOR })
    const { id, active, actor } = saved.json<DetectorView>()
    expect([active, actor]).toEqual([false, 'key:admin'])
    expect((await call('POST', `/api/detectors/${id}/on`)).json()).toMatchObject({ active: true })
    const other = await openDetectorDesk(depsOf(test.deps))
    expect(other.list('default')[0]).toMatchObject({ id, active: true, name: 'Errors' })
    expect(other.list('other').map((one) => one.id)).toEqual(['early-warning'])
    await other.close()
    expect((await call('POST', `/api/detectors/${id}/off`)).json()).toMatchObject({ active: false })
    expect((await call('DELETE', `/api/detectors/${id}`)).statusCode).toBe(200)
    expect((await call('POST', `/api/detectors/${id}/on`)).statusCode).toBe(404)
    expect((await call('DELETE', '/api/detectors/early-warning')).statusCode).toBe(409)
  })

  it('[N5] a reader sees them and changes none', async () => {
    const body = { name: 'Errors', detector: DETECTOR }
    const paths = ['/api/detectors', '/api/detectors/early-warning/on', '/api/detectors/backtests']
    for (const path of paths)
      expect((await call('POST', path, body, test.readKey)).statusCode).toBe(403)
  })

  it.each([
    ['SELECT count() AS value FROM incidents', 'the table incidents in a detector'],
    ['SELECT count() AS value FROM events WHERE occurred_at > now()', 'function now'],
    ['SELECT rand() AS value FROM events', 'function rand'],
    ['SELECT count() FROM events', 'no column value'],
    ['DROP TABLE events', 'Not allowed'],
    ["SELECT count() AS value FROM file('/etc/passwd')", 'Not allowed'],
  ])('[N5] %s fails in its back-test, which then is none', async (sql, why) => {
    const state = await backtest({ detector: { ...DETECTOR, sql }, days: 1 })
    expect([state.phase, state.backtest]).toEqual(['failed', null])
    expect(state.error).toContain(why)
    const saved = await call('POST', '/api/detectors', {
      name: 'x',
      detector: { ...DETECTOR, sql },
    })
    expect(saved.json()).toMatchObject({ code: 'backtest_missing' })
  })

  it('[N5] sees the events of its own project alone', async () => {
    const at = TEST_NOW_MS - HOUR
    const burst = Array.from({ length: 40 }, (_, index) => errorAt(at + index * 6_000))
    await store.add(burst.map((event) => ({ ...event, project: 'other' })))
    const sql = 'SELECT service, count() AS value FROM events GROUP BY service'
    const result = await done({ detector: { ...DETECTOR, sql, service: '' }, days: 1 })
    expect(result).toMatchObject({ events: 0, firings_total: 0 })
    await store.add(burst)
    const mine = await done({ detector: { ...DETECTOR, sql, service: '' }, days: 1 })
    expect(mine).toMatchObject({ events: 40, firings_total: 1 })
  })

  it('[N5] more groups than are followed fail the window, and the back-test says so', async () => {
    const at = TEST_NOW_MS - HOUR
    const many = Array.from({ length: 101 }, (_, index) => errorAt(at, { service: `s${index}` }))
    await store.add(many)
    const result = await done({ detector: DETECTOR, days: 1 })
    expect(result.windows_failed).toBe(1)
    expect(result.problem).toContain('more than 100 rows')
  })

  it.each([
    [{ days: 1 }, 'detector'],
    [{ detector: DETECTOR, id: 'early-warning' }, 'id'],
    [{ id: 'nobody' }, 'id'],
    [{ detector: DETECTOR, days: 0 }, 'days'],
    [{ detector: DETECTOR, from: 'soon' }, 'from'],
    [{ detector: DETECTOR, to: TEST_NOW_MS + 1 }, 'to'],
    [{ detector: DETECTOR, from: TEST_NOW_MS - 31 * 24 * HOUR }, 'from'],
    [{ detector: { ...DETECTOR, window_min: 1 }, days: 30 }, 'from'],
    [{ detector: DETECTOR, speed: 2 }, 'speed'],
  ])('[N5] a back-test of %j is refused and the field named', async (body, path) => {
    const answer = await call('POST', '/api/detectors/backtests', body)
    expect([answer.statusCode, answer.json().path]).toEqual([400, path])
  })
})
