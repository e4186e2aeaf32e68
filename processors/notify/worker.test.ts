import { afterEach, describe, expect, it } from 'vitest'
import { TOPICS } from '#/schemas/topics.ts'
import {
  eventOf,
  MINUTE_MS,
  NOW_MS,
  startNotifier,
  targetOf,
  type NotifierOptions,
  type TestNotifier,
} from './test-notifier.ts'

let notifier: TestNotifier | undefined
afterEach(async () => {
  await notifier?.close()
  notifier = undefined
})

async function start(options: Partial<NotifierOptions> = {}): Promise<TestNotifier> {
  return (notifier = await startNotifier({ targets: [targetOf()], ...options }))
}

const failing = (statusCode: number, retryAfter = '') => ({ statusCode, retryAfter, error: '' })
const updated = (seq: number, change = {}) =>
  eventOf({ seq, kind: 'updated', at: NOW_MS + seq * 1000, ...change })
const resolved = (seq: number) => updated(seq, { kind: 'resolved', status: 'resolved' })
const silenced = JSON.stringify({ silenced: { id: 's1', until: 0, reason: 'new disks' } })

describe('deliveries', () => {
  it('[J1] tells a webhook of an opening and an end, signed, and keeps each step', async () => {
    const test = await start()
    await test.tell(eventOf(), updated(2), updated(3), resolved(4))
    expect(test.reasons()).toEqual(['opened', 'resolved'])
    expect(test.received.every(({ isSigned }) => isSigned)).toBe(true)
    const body = JSON.parse(test.received[0]!.request.body) as object
    expect(body).toMatchObject({
      type: 'incident.opened',
      timestamp: '2026-11-23T02:00:00.000Z',
      data: { incident_id: 'i1', number: 12, severity: 2, cause: 'payment failed first.' },
    })
    const steps = (await test.deliveries()).map(({ reason, status }) => `${reason} ${status}`)
    expect(steps).toEqual([
      'opened waiting',
      'resolved waiting',
      'opened delivered',
      'resolved delivered',
    ])
  })

  it('[J1] writes … for what a template leaves open', async () => {
    const test = await start()
    await test.tell(eventOf({ title: 'order <*> failed', sentence: '"order <*>" is new.' }))
    const body = JSON.parse(test.received[0]!.request.body) as object
    expect(body).toMatchObject({ data: { title: 'order … failed', sentence: '"order …" is new.' } })
    // What is stored is what the incident is called, as everywhere.
    expect((await test.deliveries())[0]?.title).toBe('order <*> failed')
  })

  it('[J1] is tried again after 500 with growing pauses, under the same id, and never after success', async () => {
    const test = await start()
    let calls = 0
    test.answers.set('https://hooks.example/in', () => failing((calls += 1) <= 3 ? 500 : 204))
    await test.tell(eventOf())
    await test.pass(10 * MINUTE_MS)
    expect(test.received).toHaveLength(4)
    expect(new Set(test.received.map(({ id }) => id)).size).toBe(1)
    expect(new Set(test.received.map(({ request }) => request.body)).size).toBe(1)
    expect(test.received.every(({ isSigned }) => isSigned)).toBe(true)
    const steps = await test.deliveries()
    expect(steps.map(({ status, attempt, status_code: code }) => [status, attempt, code])).toEqual([
      ['waiting', 0, 0],
      ['retrying', 1, 500],
      ['retrying', 2, 500],
      ['retrying', 3, 500],
      ['delivered', 4, 204],
    ])
    const pauses = steps.slice(1, 4).map(({ at, next_at: next }) => Number(next) - at)
    expect(pauses.every((pause, index) => pause >= 2_500 * 2 ** index)).toBe(true)
    expect(pauses.every((pause, index) => pause <= 5_000 * 2 ** index)).toBe(true)
  })

  it('[J1] waits as long as Retry-After asks', async () => {
    const test = await start()
    let calls = 0
    test.answers.set('https://hooks.example/in', () =>
      (calls += 1) === 1 ? failing(429, '120') : failing(200),
    )
    await test.tell(eventOf())
    await test.pass(110_000)
    expect(test.received).toHaveLength(1)
    await test.pass(20_000)
    expect(test.received).toHaveLength(2)
  })

  it('[J1] gives up after twelve attempts, and says so', async () => {
    const test = await start()
    test.answers.set('https://hooks.example/in', () => failing(503))
    await test.tell(eventOf())
    await test.pass(3 * 60 * MINUTE_MS)
    expect(test.received).toHaveLength(12)
    expect((await test.deliveries()).at(-1)).toMatchObject({
      status: 'failed',
      attempt: 12,
      detail: 'answered 503; given up after 12 attempts',
    })
  })

  it('[J1] a crash at any moment sends nothing twice that is known to be delivered', async () => {
    const test = await start({
      targets: [targetOf(), targetOf({ name: 'b', url: 'https://b.example/' })],
    })
    await test.tell(eventOf())
    await test.driver.crashAll()
    await test.settle()
    await test.tell(resolved(2))
    await test.driver.crashAll()
    await test.settle()
    const told = test.received.map(({ target, reason }) => `${target} ${reason}`)
    expect(told.toSorted()).toEqual(['b opened', 'b resolved', 'hook opened', 'hook resolved'])
  })

  it('[J1] what was under way when the process died is sent again under the same id', async () => {
    const test = await start()
    let hang = true
    test.answers.set('https://hooks.example/in', () =>
      hang ? new Promise(() => undefined) : failing(200),
    )
    await test.tell(eventOf())
    hang = false
    await test.driver.crashAll()
    await test.settle()
    expect(test.received).toHaveLength(2)
    expect(test.received[0]!.id).toBe(test.received[1]!.id)
    expect((await test.deliveries()).map(({ status }) => status)).toEqual(['waiting', 'delivered'])
  })

  it('[J1] an offset set back tells nobody again', async () => {
    const test = await start()
    await test.tell(eventOf(), updated(2, { kind: 'severity', severity: 1 }), resolved(3))
    expect(test.reasons()).toEqual(['opened', 'worsened', 'resolved'])
    const tp = { topic: TOPICS.lifecycle.name, partition: 0 }
    await test.log.resetOffsets('notify', [{ ...tp, offset: 0, metadata: '' }])
    await test.driver.crashAll()
    await test.settle()
    expect(test.driver.worker('notify', tp)?.position()).toBe(3)
    expect(test.received).toHaveLength(3)
  })

  it('[J1] a target that hangs holds up nobody else', async () => {
    const slow = targetOf({ name: 'slow', url: 'https://slow.example/' })
    const test = await start({ targets: [slow, targetOf()] })
    test.answers.set(slow.url, () => new Promise(() => undefined))
    for (let n = 1; n <= 20; n += 1) await test.tell(eventOf({ incident_id: `i${n}`, number: n }))
    expect(test.received.filter(({ target }) => target === 'hook')).toHaveLength(20)
    expect(test.received.filter(({ target }) => target === 'slow')).toHaveLength(4)
  })

  it('[J1] at its bound the queue refuses what is new, in the history', async () => {
    const test = await start()
    test.answers.set('https://hooks.example/in', () => new Promise(() => undefined))
    const many = Array.from({ length: 1001 }, (_, n) => eventOf({ incident_id: `i${n}` }))
    await test.tell(...many)
    expect((await test.deliveries()).filter(({ status }) => status === 'failed')).toMatchObject([
      { detail: '1000 others wait for this target already' },
    ])
  })

  it('[J1] a record that is none becomes a dead letter', async () => {
    const test = await start()
    await test.driver.pipe(TOPICS.lifecycle.name, 'x', [Buffer.from('rubbish')], NOW_MS)
    await test.tell(eventOf({ incident_id: 'i0', detail: 'null' }), eventOf())
    expect(await test.driver.read(TOPICS.deadLetters.name)).toHaveLength(2)
    expect(test.reasons()).toEqual(['opened'])
  })

  it('[C13] silences are respected, and what is left when they end is told then', async () => {
    const test = await start()
    await test.tell(eventOf({ detail: silenced }), updated(2, { detail: silenced, severity: 1 }))
    expect(test.received).toEqual([])
    expect(await test.deliveries()).toMatchObject([
      { status: 'suppressed', detail: 'silenced: new disks' },
    ])
    await test.driver.crashAll()
    await test.tell(updated(3))
    expect(test.reasons()).toEqual(['opened'])
  })

  it('[J1] history that was imported is nobody’s news', async () => {
    const test = await start()
    await test.tell(eventOf({ at: NOW_MS - 61 * MINUTE_MS }))
    expect(test.received).toEqual([])
    expect(await test.deliveries()).toEqual([])
  })
})

describe('escalations', () => {
  const chief = targetOf({
    name: 'chief',
    url: 'https://chief.example/',
    unacknowledgedMs: 15 * MINUTE_MS,
  })
  const told = (test: TestNotifier) =>
    test.received.map(({ target, reason }) => `${target} ${reason}`)

  it('[J7] tells the next one when nobody took it on for so long, not before', async () => {
    const test = await start({ targets: [targetOf(), chief] })
    await test.tell(eventOf())
    await test.pass(14 * MINUTE_MS)
    expect(told(test)).toEqual(['hook opened'])
    await test.driver.crashAll()
    await test.pass(2 * MINUTE_MS)
    expect(told(test)).toEqual(['hook opened', 'chief unacknowledged'])
    await test.tell(resolved(2))
    expect(told(test).slice(2).toSorted()).toEqual(['chief resolved', 'hook resolved'])
  })

  it.each([
    [
      'its status',
      (test: TestNotifier) => test.tell(updated(2, { kind: 'status', status: 'investigating' })),
    ],
    ['an assignment', (test: TestNotifier) => test.act('assignment', { assignee: 'ada' })],
    ['somebody who joined', (test: TestNotifier) => test.act('join', {})],
    ['its end', (test: TestNotifier) => test.tell(resolved(2))],
    ['a silence', (test: TestNotifier) => test.tell(updated(2, { detail: silenced }))],
  ])('[J7] %s keeps it from being sent', async (_, happens) => {
    const test = await start({ targets: [targetOf(), chief] })
    await test.tell(eventOf())
    await test.pass(10 * MINUTE_MS)
    await happens(test)
    await test.driver.crashAll()
    await test.pass(30 * MINUTE_MS)
    expect(told(test).filter((one) => one.startsWith('chief'))).toEqual([])
    const last = (await test.deliveries()).findLast(({ target }) => target === 'chief')
    expect(last?.status).toBe('cancelled')
  })

  it.each([
    ['it was resolved', resolved(2)],
    ['somebody takes it on', updated(2, { status: 'investigating' })],
  ])(
    '[J7] nobody is woken when one batch, as after an outage, has the opening and then %s',
    async (_, after) => {
      const test = await start({ targets: [chief] })
      await test.tell(eventOf(), after)
      await test.pass(30 * MINUTE_MS)
      expect(test.reasons()).toEqual([])
      const steps = (await test.deliveries()).map(({ reason, status }) => `${reason} ${status}`)
      expect(steps).toEqual(['unacknowledged waiting', 'unacknowledged cancelled'])
    },
  )

  it('[J7] who was refused has taken nothing on', async () => {
    const test = await start({ targets: [targetOf(), chief] })
    await test.tell(eventOf())
    await test.act('join', {}, { result: 'forbidden' })
    await test.act('assignment', 'rubbish')
    await test.pass(16 * MINUTE_MS)
    expect(told(test)).toContain('chief unacknowledged')
  })

  it('[J7] an assignment that is taken back is none', async () => {
    const test = await start({ targets: [targetOf(), chief] })
    await test.tell(eventOf())
    await test.act('assignment', { assignee: null })
    await test.pass(16 * MINUTE_MS)
    expect(told(test)).toContain('chief unacknowledged')
  })
})
