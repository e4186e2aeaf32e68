import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import {
  DEAD_LETTERS,
  encodeEvent,
  eventOf,
  SCHEMA_IDS,
  SCHEMAS,
  topicConfigs,
} from '#/test/sim/fixture.ts'
import { createFingerprintStage } from './fingerprint.ts'

async function start(options: { dedupIdsMax?: number } = {}) {
  const clock = createManualClock(1_000_000)
  const log = createMemoryLog({ clock })
  const stage = createFingerprintStage({ schemas: SCHEMAS, ...options })
  const driver = await createDriver({
    log,
    clock,
    stages: [stage],
    topics: topicConfigs(1, ['fingerprint']),
    deadLetters: DEAD_LETTERS,
  })
  return { clock, log, driver }
}

const grouped = createDecoder('GroupedEvent')
const letters = createDecoder('DeadLetter')
const tick = (number: number) => encode('Tick', SCHEMA_IDS.Tick, { number, at: number * 1000 })
const DAY_MS = 86_400_000

describe('the fingerprint stage', () => {
  it('[A10] the same project, service and event id within a day is one event', async () => {
    const { driver } = await start()
    const event = eventOf({ event_id: 'a', id_made: false, message: 'x', received_at: DAY_MS })
    await driver.pipe('signals.raw.v1', 'p/web', [event, event, event].map(encodeEvent), 1)
    await driver.run()
    await driver.crash('fingerprint')
    const other = encodeEvent({ ...event, service: 'db' })
    const soon = encodeEvent({ ...event, received_at: 2 * DAY_MS - 60_000 })
    const later = encodeEvent({ ...event, received_at: 2 * DAY_MS })
    await driver.pipe('signals.raw.v1', 'p/web', [soon, other, later], 1)
    await driver.run()
    const out = (await driver.read(TOPICS.fingerprinted.name)).map((r) => grouped.decode(r.value!))
    expect(out.map(({ service, received_at }) => [service, received_at / DAY_MS])).toEqual([
      ['web', 1],
      ['db', 1],
      ['web', 2],
    ])
    expect(
      driver.metrics.read('faultline_stage_records_total', {
        stage: 'fingerprint',
        result: 'duplicate',
      }),
    ).toBe(3)
  })

  it('[A9] a poison record goes to the dead letters whole, and the stream goes on', async () => {
    const { driver } = await start()
    const good = encodeEvent(eventOf({ event_id: 'g', message: 'fine' }))
    const unknown = Buffer.concat([Buffer.from([0, 0, 0, 3, 231]), Buffer.from('?')])
    const cut = good.subarray(0, 20)
    const values = [Buffer.from('not avro'), unknown, cut, good]
    await driver.pipe('signals.raw.v1', 'p/web', values, 7)
    await driver.run()
    const dead = (await driver.read(TOPICS.deadLetters.name)).map((r) => letters.decode(r.value!))
    expect(dead.map(({ code, offset, schema_id }) => [code, offset, schema_id])).toEqual([
      ['invalid_event', 0, 0],
      ['unknown_schema', 1, 999],
      ['invalid_event', 2, SCHEMA_IDS.Event],
    ])
    expect(dead.map(({ value }) => value)).toEqual(values.slice(0, 3))
    expect(await driver.read(TOPICS.fingerprinted.name)).toHaveLength(1)
  })

  it('[A5] an event that came past the door is held to its rules, and gets the key of its service', async () => {
    const { driver } = await start()
    const good = eventOf({ event_id: 'g', message: 'fine' })
    const wrong = [
      { ...good, severity: 9 },
      { ...good, service: '' },
      { ...good, event_id: '' },
    ]
    await driver.pipe('signals.raw.v1', 'any key', [...wrong, good].map(encodeEvent), 7)
    await driver.run()
    const dead = (await driver.read(TOPICS.deadLetters.name)).map((r) => letters.decode(r.value!))
    expect(dead.map(({ code, error }) => [code, error.split(' ')[0]])).toEqual([
      ['invalid_event', 'severity'],
      ['invalid_event', 'service'],
      ['invalid_event', 'event_id'],
    ])
    const [out, ...more] = await driver.read(TOPICS.fingerprinted.name)
    expect(more).toEqual([])
    expect(String(out?.key)).toBe(`${good.project}/${good.service}`)
  })

  it('passes each tick on once, in its place', async () => {
    const { driver } = await start()
    const event = encodeEvent(eventOf({ event_id: 'g', event_type: 'http_request' }))
    await driver.pipe('signals.raw.v1', 'k', [tick(5), event, tick(5), tick(4), tick(6)], 1)
    await driver.run()
    const out = await driver.read(TOPICS.fingerprinted.name)
    expect(out.map(({ value }) => value!.readUInt32BE(1))).toEqual([
      SCHEMA_IDS.Tick,
      SCHEMA_IDS.GroupedEvent,
      SCHEMA_IDS.Tick,
    ])
  })

  it('gives errors their issue and leaves plain requests alone', async () => {
    const { driver } = await start()
    const failure = { error_code: 'DB_TIMEOUT', route: '/api/users', message: 'took 31 ms' }
    const events = [
      eventOf({ event_id: '1', ...failure }),
      eventOf({ event_id: '2', event_type: 'http_request', route: '/api/users' }),
    ]
    await driver.pipe('signals.raw.v1', 'p/web', events.map(encodeEvent), 1)
    await driver.run()
    const out = (await driver.read(TOPICS.fingerprinted.name)).map((r) => grouped.decode(r.value!))
    expect(out[0]?.fingerprint).toBe(
      '4aabfc6269c242b2ff95fd48d0dbb78140ad8401f73e402af78a3dceb0712438',
    )
    expect(out[0]).toMatchObject(events[0]!)
    expect(out[1]).toMatchObject({ ...events[1]!, fingerprint: '', title: '' })
  })
})
