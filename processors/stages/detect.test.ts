import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { entryOfDecision } from '#/processors/domain/grouping/decision-entry.ts'
import type { GroupingDecision } from '#/processors/domain/grouping/decisions.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import { createTopology, topicConfigsOf } from '#/processors/topology.ts'
import { PLAIN_ACTION } from '#/schemas/action.ts'
import { checkPayload } from '#/schemas/collab/commands.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { Action } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { appendOccurrence, chainDeps, createTables } from '#/test/sim/chain.ts'
import { eventOf, SCHEMA_IDS } from '#/test/sim/fixture.ts'
import type { Event } from '#/schemas/records.ts'

const START_MS = Date.UTC(2026, 0, 5, 8)
const PARTITIONS = 2

async function start() {
  const clock = createManualClock(START_MS)
  const log = createMemoryLog({ clock })
  const tables = createTables()
  const { stages, deadLetters } = createTopology(chainDeps(tables, { delayMs: 0 }))
  const driver = await createDriver({
    log,
    clock,
    stages,
    topics: topicConfigsOf(stages, { partitions: PARTITIONS, retentionMs: Infinity }),
    deadLetters,
  })
  let nowMs = START_MS
  let count = 0
  return {
    driver,
    log,
    /** An error of a service, now. */
    async fail(over: Partial<Event> = {}) {
      const event = eventOf({
        event_id: `e${count++}`,
        message: 'connection refused',
        received_at: nowMs,
        occurred_at: nowMs,
        user_id: `u${count}`,
        ...over,
      })
      await appendOccurrence(log, PARTITIONS, { kind: 'event', event })
    },
    /** Lets recorded time pass. */
    async pass(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        nowMs += 1000
        await appendOccurrence(log, PARTITIONS, { kind: 'tick', at: nowMs })
      }
      await driver.run()
    },
    /** A minute in which it fails all the time. */
    async outage() {
      for (let second = 0; second < 60; second += 1) {
        await Promise.all([this.fail(), this.fail(), this.fail()])
        await this.pass(1)
      }
      await this.pass(30)
    },
    async act(action: Partial<Action>) {
      const full: Action = {
        project: 'p',
        incident_id: '',
        seq: 1,
        command_id: `c${count++}`,
        kind: 'status',
        actor: 'ada',
        at: nowMs,
        payload: '{}',
        ...PLAIN_ACTION,
        ...action,
      }
      const value = encode('Action', SCHEMA_IDS.Action, full)
      await driver.pipe(TOPICS.actions.name, full.incident_id, [value], nowMs)
    },
    async merge(fingerprint: string, to: string) {
      const decision: GroupingDecision = {
        id: 'g1',
        project: 'p',
        revision: 1,
        kind: 'merge',
        actor: 'ada',
        at: nowMs,
        reason: 'same cause',
        pins: [{ fingerprint, to }],
      }
      const entry = entryOfDecision(decision, decision)
      const value = encode('ConfigEntry', SCHEMA_IDS.ConfigEntry, entry)
      await driver.pipe(TOPICS.raw.name, 'p/web', [value], nowMs)
    },
    async read<N extends 'Action' | 'Detection' | 'IncidentEvent' | 'Insight' | 'GroupedEvent'>(
      topic: string,
      name: N,
    ) {
      const decoder = createDecoder(name)
      return (await driver.read(topic)).map(({ value }) => decoder.decode(value!))
    },
  }
}

describe('from events to incidents', () => {
  it('[C3] concurrent first events of one failure open exactly one incident, and later ones join it', async () => {
    const chain = await start()
    await chain.outage()
    await chain.outage()
    await chain.pass(120)
    const steps = await chain.read(TOPICS.lifecycle.name, 'IncidentEvent')
    expect(steps.filter(({ kind }) => kind === 'opened')).toHaveLength(1)
    expect(new Set(steps.map((step) => step.incident_id)).size).toBe(1)
    expect(steps.map(({ seq }) => seq)).toEqual(steps.map((_, index) => index + 1))
    expect(steps.at(-1)?.events).toBeGreaterThan(340)
    const incident = JSON.parse(steps.at(-1)!.detail) as Incident
    expect(incident.lastActivityAt).toBeGreaterThanOrEqual(START_MS + 90_000)
  })

  it('[C11] an issue that a person makes part of another one stays one member, with its past', async () => {
    const chain = await start()
    await chain.outage()
    const [opened] = await chain.read(TOPICS.lifecycle.name, 'IncidentEvent')
    const [fingerprint] = opened!.fingerprints
    const into = 'b'.repeat(64)
    await chain.merge(fingerprint!, into)
    await chain.outage()
    await chain.outage()
    const steps = await chain.read(TOPICS.lifecycle.name, 'IncidentEvent')
    const last = JSON.parse(steps.at(-1)!.detail) as Incident
    expect(last.id).toBe(opened!.incident_id)
    expect(last.members.filter((member) => member.fingerprint !== '')).toMatchObject([
      { fingerprint: into, firstAt: (JSON.parse(opened!.detail) as Incident).members[0]!.firstAt },
    ])
    expect(steps.filter(({ kind }) => kind === 'opened')).toHaveLength(1)
  })

  it('[RT13] every tick closes its slice with a marker on every partition of the output', async () => {
    const chain = await start()
    await chain.pass(3)
    const markers = await chain.read(TOPICS.detections.name, 'Detection')
    const seconds = START_MS / 1000
    const seen = markers.map((m) => `${m.kind} ${m.source_partition} ${m.slice - seconds}`)
    expect(seen.toSorted()).toEqual(
      [0, 1].flatMap((source) => [1, 2, 3].map((slice) => `marker ${source} ${slice}`)),
    )
  })

  it('an event long after its minute goes to the late topic, whole, and is not lost', async () => {
    const chain = await start()
    await chain.fail({ event_id: 'now' })
    await chain.pass(60 * 60)
    await chain.fail({ event_id: 'again' })
    await chain.pass(1)
    await chain.fail({ event_id: 'late', occurred_at: START_MS + 60_000, fingerprint: '' } as never)
    await chain.pass(1)
    const late = await chain.read(TOPICS.late.name, 'GroupedEvent')
    expect(late.map(({ event_id }) => event_id)).toEqual(['late'])
    expect(
      chain.driver.metrics.read('faultline_stage_records_total', {
        stage: 'detect',
        result: 'late',
      }),
    ).toBe(1)
  })

  it('a decision of a person is applied within two ticks; one that comes too late is refused', async () => {
    const chain = await start()
    await chain.outage()
    const [opened] = await chain.read(TOPICS.lifecycle.name, 'IncidentEvent')
    await chain.act({
      incident_id: opened!.incident_id,
      kind: 'status',
      payload: JSON.stringify({ status: 'investigating' }),
    })
    await chain.act({ kind: 'note', payload: '{"text":"not for detection"}' })
    await chain.act({ incident_id: 'unknown', payload: '{"status":"resolved"}' })
    await chain.driver.run()
    await chain.pass(2)
    const steps = await chain.read(TOPICS.lifecycle.name, 'IncidentEvent')
    expect(steps.find(({ kind }) => kind === 'status')).toMatchObject({ status: 'investigating' })
    const refused = { stage: 'cluster', result: 'action_refused' }
    expect(chain.driver.metrics.read('faultline_stage_records_total', refused)).toBe(1)
    // It goes back to the room, under an id of its own.
    const [told, ...more] = await chain.read(TOPICS.commands.name, 'Action')
    expect(more).toEqual([])
    expect(told).toMatchObject({ incident_id: 'unknown', kind: 'refused', role: 'system' })
    expect(told!.command_id).toMatch(/^refused:\d+$/)
    expect(checkPayload('refused', JSON.parse(told!.payload))).toMatchObject({ ok: true })
    expect(JSON.parse(told!.payload)).toMatchObject({
      cmdId: expect.stringMatching(/^c\d+$/),
      kind: 'status',
      by: 'ada',
      reason: 'there is no incident unknown',
    })
    expect(await chain.driver.read(TOPICS.deadLetters.name)).toEqual([])
  })

  it('[C16] [G10] what people decide in a room reaches the engine; what was refused does not', async () => {
    const chain = await start()
    await chain.outage()
    const [opened] = await chain.read(TOPICS.lifecycle.name, 'IncidentEvent')
    const room = { role: 'responder', actor: 'user:ada', actor_name: 'Ada' }
    const say = (incident_id: string, kind: string, payload: object, more: Partial<Action> = {}) =>
      chain.act({ ...room, incident_id, kind, payload: JSON.stringify(payload), ...more })
    const id = opened!.incident_id
    await say('m1', 'create', { title: 'Phones are dead', severity: 2, services: ['phones'] })
    await say(id, 'severity_lock', { level: 1 })
    await say(id, 'rename', { title: 'Checkout is down' })
    await say(id, 'status_change', { status: 'resolved' }, { result: 'conflict' })
    await say(id, 'status_change', { status: 'investigating' })
    await chain.driver.run()
    await chain.pass(2)
    const steps = await chain.read(TOPICS.lifecycle.name, 'IncidentEvent')
    const lastOf = (wanted: string) => steps.findLast(({ incident_id }) => incident_id === wanted)
    expect(lastOf(id)).toMatchObject({
      status: 'investigating',
      severity: 1,
      title: 'Checkout is down',
    })
    expect(lastOf('m1')).toMatchObject({
      kind: 'opened',
      number: opened!.number + 1,
      status: 'open',
      severity: 2,
      title: 'Phones are dead',
      services: ['phones'],
    })
    expect(JSON.parse(lastOf('m1')!.detail)).toMatchObject({ timeline: [{ actor: 'Ada' }] })
    expect(await chain.driver.read(TOPICS.deadLetters.name)).toEqual([])
  })

  it('each incident has words, and the same words are said once', async () => {
    const chain = await start()
    await chain.outage()
    const [insight, ...others] = await chain.read(TOPICS.insights.name, 'Insight')
    expect(insight).toMatchObject({ model: 'rules', fallback: true, project: 'p' })
    expect(insight?.next_steps.length).toBeGreaterThan(0)
    const texts = [insight, ...others].map((i) =>
      JSON.stringify([i?.title, i?.impact, i?.evidence]),
    )
    expect(texts.every((text, index) => text !== texts[index - 1])).toBe(true)
  })
})
