import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import type { Silence } from '#/processors/domain/incident/silence.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import { createTopology, topicConfigsOf } from '#/processors/topology.ts'
import { PLAIN_ACTION } from '#/schemas/action.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import type { Incident } from '#/schemas/incident.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { appendOccurrence, chainDeps, createTables } from '#/test/sim/chain.ts'
import { eventOf, SCHEMA_IDS } from '#/test/sim/fixture.ts'

const START_MS = Date.UTC(2026, 0, 5, 8)
const PARTITIONS = 2
const SILENCE: Silence = {
  id: 's1',
  project: 'p',
  match: { environment: '*' },
  from: START_MS,
  until: START_MS + 120_000,
  actor: 'ann',
  reason: 'new disks',
}

interface Run {
  /** Put among the actions at the start. */
  isActed?: boolean
  /** Known from config.v1 only. */
  before?: readonly Silence[]
  /** Let the processors look only after so many ticks. */
  ticksPerLook?: number
}

/** Three minutes of errors; answers the steps of incidents as bytes. */
async function outage({ isActed = false, before, ticksPerLook = 1 }: Run) {
  const clock = createManualClock(START_MS)
  const log = createMemoryLog({ clock })
  const deps = chainDeps(createTables(), { delayMs: 0 })
  const { stages, deadLetters } = createTopology({
    ...deps,
    ...(before === undefined ? {} : { silencesBefore: async () => before }),
  })
  const topics = topicConfigsOf(stages, { partitions: PARTITIONS, retentionMs: Infinity })
  const driver = await createDriver({ log, clock, stages, topics, deadLetters })
  if (isActed) {
    const value = encode('Action', SCHEMA_IDS.Action, {
      project: 'p',
      incident_id: '',
      seq: 0,
      command_id: 'silence/s1',
      kind: 'silence',
      actor: 'ann',
      at: START_MS,
      payload: JSON.stringify({ silence: SILENCE }),
      ...PLAIN_ACTION,
    })
    await driver.pipe(TOPICS.actions.name, 'p', [value], START_MS)
    await driver.run()
  }
  for (let second = 1; second <= 180; second++) {
    const at = START_MS + second * 1000
    for (const part of ['a', 'b', 'c']) {
      const times = { received_at: at, occurred_at: at }
      const event = eventOf({ event_id: `${second}${part}`, message: 'no disk', ...times })
      await appendOccurrence(log, PARTITIONS, { kind: 'event', event })
    }
    await appendOccurrence(log, PARTITIONS, { kind: 'tick', at })
    if (second % ticksPerLook === 0) await driver.run()
  }
  const decoder = createDecoder('IncidentEvent')
  const values = (await driver.read(TOPICS.lifecycle.name)).map(({ value }) => value!)
  const steps = values.map((value) => decoder.decode(value))
  const incidents = steps.map(({ detail }) => JSON.parse(detail) as Incident)
  return { bytes: Buffer.concat(values).toString('hex'), steps, incidents }
}

describe('silences in the chain', () => {
  it('[C13] an action mutes what opens, counting goes on, and it ends by itself', async () => {
    const { steps, incidents } = await outage({ isActed: true })
    const kinds = steps.map(({ kind }) => kind)
    expect(kinds[0]).toBe('opened')
    expect(kinds.filter((kind) => kind === 'unsilenced')).toHaveLength(1)
    const end = kinds.indexOf('unsilenced')
    expect(steps[end]!.at).toBeGreaterThanOrEqual(SILENCE.until)
    expect(incidents.map(({ silenced }) => silenced?.id)).toEqual(
      incidents.map((_, at) => (at < end ? 's1' : undefined)),
    )
    expect(incidents.at(-1)!.events).toBeGreaterThan(300)
  })

  it('[C13] the same bytes from other batches; without it other bytes', async () => {
    const { bytes } = await outage({ isActed: true })
    const again = await outage({ isActed: true, ticksPerLook: 45 })
    expect(again.bytes === bytes).toBe(true)
    const unmuted = await outage({})
    expect(unmuted.bytes === bytes).toBe(false)
    expect(unmuted.incidents.every(({ silenced }) => silenced === undefined)).toBe(true)
  })

  it('[C13] state that begins behind it takes it from config.v1, and is the same', async () => {
    const { bytes } = await outage({ isActed: true })
    const late = await outage({ before: [SILENCE] })
    expect(late.bytes === bytes).toBe(true)
  })
})
