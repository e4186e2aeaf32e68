import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { DETECTOR_ACTION } from '#/processors/domain/sql-detector/action.ts'
import { emptyState, step, windowFrom } from '#/processors/domain/sql-detector/evaluate.ts'
import { findingOf } from '#/processors/domain/sql-detector/finding.ts'
import { readSpec } from '#/processors/domain/sql-detector/spec.ts'
import type { Detection } from '#/processors/domain/spike/types.ts'
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
const MINUTE = 60_000
const PARTITIONS = 2
const SPEC = {
  sql: 'SELECT count() AS value FROM events',
  window_min: 1,
  sign: '>',
  value: 10,
  service: 'checkout',
}

/** What a detector says of windows with these values, the first of which ends a minute after the start. */
function findings(effect: 'alert' | 'warn', values: readonly number[]): Detection[] {
  const spec = readSpec({ ...SPEC, effect })
  const detector = { project: 'p', id: 'd1', name: 'Orders refused', spec }
  const state = emptyState()
  return values.flatMap((value, minute) => {
    const window = windowFrom(START_MS + minute * MINUTE, 1)
    const rows = [{ service: 'checkout', environment: 'prod', name: '', value }]
    return step(state, spec, { window, rows }).map((outcome) =>
      findingOf(detector, outcome, window),
    )
  })
}

/** Ten minutes; each finding is put among the actions forty seconds after its window, or all of them at the start. */
async function tenMinutes(
  told: readonly Detection[],
  { ticksPerLook = 1, errors = 0, isAhead = false } = {},
) {
  const clock = createManualClock(START_MS)
  const log = createMemoryLog({ clock })
  const { stages, deadLetters } = createTopology(chainDeps(createTables(), { delayMs: 0 }))
  const topics = topicConfigsOf(stages, { partitions: PARTITIONS, retentionMs: Infinity })
  const driver = await createDriver({ log, clock, stages, topics, deadLetters })
  const tell = async (detection: Detection): Promise<void> => {
    const at = detection.atMs + 40_000
    const value = encode('Action', SCHEMA_IDS.Action, {
      project: 'p',
      incident_id: '',
      seq: 0,
      command_id: `detector/d1/${detection.id}`,
      kind: DETECTOR_ACTION,
      actor: 'detector:d1',
      at,
      payload: JSON.stringify({ detection }),
      ...PLAIN_ACTION,
    })
    await driver.pipe(TOPICS.actions.name, 'p', [value], at)
  }
  if (isAhead) for (const detection of told) await tell(detection)
  await driver.run()
  for (let second = 1; second <= 600; second += 1) {
    const at = START_MS + second * 1000
    for (const one of told) if (!isAhead && one.atMs + 40_000 === at) await tell(one)
    for (let index = 0; index < errors; index += 1) {
      const times = { received_at: at, occurred_at: at, service: 'checkout' }
      const event = eventOf({ event_id: `${second}-${index}`, message: 'no disk', ...times })
      await appendOccurrence(log, PARTITIONS, { kind: 'event', event })
    }
    await appendOccurrence(log, PARTITIONS, { kind: 'tick', at })
    if (second % ticksPerLook === 0) await driver.run()
  }
  const read = async <T>(topic: string, decode: (value: Buffer) => T): Promise<T[]> =>
    (await driver.read(topic)).map(({ value }) => decode(value!))
  const decoder = createDecoder('IncidentEvent')
  const steps = await read(TOPICS.lifecycle.name, (value) => decoder.decode(value))
  const detections = createDecoder('Detection')
  return {
    steps,
    incidents: steps.map(({ detail }) => JSON.parse(detail) as Incident),
    bytes: steps.map((one) => JSON.stringify(one)).join('\n'),
    kinds: (await read(TOPICS.detections.name, (value) => detections.decode(value)))
      .map(({ kind }) => kind)
      .filter((kind) => kind !== 'marker'),
  }
}

describe('what a detector of the team found, in the chain', () => {
  it('[N5] opens an incident that says why, like every alert', async () => {
    const told = findings('alert', [1, 42, 50, 60, 1])
    const { steps, incidents } = await tenMinutes(told)
    expect(steps[0]).toMatchObject({ kind: 'opened', status: 'open', services: ['checkout'] })
    expect(steps[0]!.sentence).toBe(
      'Opened: Orders refused of checkout: 42 in 1 min to 08:02 UTC, more than 10',
    )
    expect(incidents[0]!.openedAt).toBe(START_MS + 2 * MINUTE)
    const last = incidents.at(-1)!
    expect(last.members.map(({ kind }) => kind)).toEqual(['sql'])
    expect(new Set(incidents.map(({ id }) => id)).size).toBe(1)
  })

  it('[N5] applied where its own time says, as in a replay, which reads ahead: the same bytes', async () => {
    const told = findings('alert', [1, 42, 50, 60, 1, 1, 99])
    const live = await tenMinutes(told, { errors: 1 })
    const again = await tenMinutes(told, { errors: 1, ticksPerLook: 75, isAhead: true })
    expect(again.bytes === live.bytes).toBe(true)
    // The control: without what it found the incidents are others.
    expect((await tenMinutes([], { errors: 1 })).bytes === live.bytes).toBe(false)
  })

  it('[N5] joins what is open in its service already', async () => {
    const { incidents } = await tenMinutes(findings('alert', [1, 1, 1, 1, 42]), { errors: 3 })
    expect(new Set(incidents.map(({ id }) => id)).size).toBe(1)
    expect(incidents.at(-1)!.members.map(({ kind }) => kind)).toContain('sql')
    expect(incidents.at(-1)!.members.length).toBeGreaterThan(1)
  })

  it('[C18] a warning is told and makes no incident', async () => {
    const told = findings('warn', [1, 42, 50, 60, 1]).filter(({ kind }) => kind === 'warning')
    const { steps, kinds } = await tenMinutes(told)
    expect(kinds).toEqual(['warning'])
    expect(steps).toEqual([])
  })
})
