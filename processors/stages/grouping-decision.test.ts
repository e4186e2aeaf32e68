import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { DECISION_KIND } from '#/processors/domain/grouping/decision-entry.ts'
import type { GroupingDecision } from '#/processors/domain/grouping/decisions.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import type { GroupedEvent } from '#/schemas/records.ts'
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
import { loadDecisionsBefore } from './grouping-decision.ts'

const RAW = TOPICS.raw.name
const grouped = createDecoder('GroupedEvent')
const aliasDecoder = createDecoder('FingerprintAlias')

async function start(log = createMemoryLog({ clock: createManualClock(1) })) {
  const stage = createFingerprintStage({
    schemas: SCHEMAS,
    decisionsBefore: (partition, offset) =>
      loadDecisionsBefore({ log, schemas: SCHEMAS }, partition, offset),
  })
  const driver = await createDriver({
    log,
    clock: createManualClock(1),
    stages: [stage],
    topics: topicConfigs(1, ['fingerprint']),
    deadLetters: DEAD_LETTERS,
  })
  let ids = 0
  return {
    log,
    driver,
    /** The fingerprints these messages got. */
    send: async (...messages: string[]): Promise<GroupedEvent[]> => {
      const events = messages.map((message) =>
        encodeEvent(eventOf({ event_id: `e${ids++}`, message })),
      )
      await driver.pipe(RAW, 'p/web', events, 1)
      await driver.run()
      const all = await driver.read(TOPICS.fingerprinted.name)
      return all.slice(-messages.length).map(({ value }) => grouped.decode(value!))
    },
    decide: async (decision: Partial<GroupingDecision>): Promise<void> => {
      await driver.pipe(RAW, 'p', [encodeDecision(decision)], 1)
      await driver.run()
    },
    aliases: async () => {
      const records = await driver.read(TOPICS.aliases.name)
      return records.map(({ value }) => aliasDecoder.decode(value!))
    },
  }
}

function decisionOf(over: Partial<GroupingDecision>): GroupingDecision {
  const base = { id: 'd', project: 'p', revision: 1, kind: 'merge' as const, pins: [] }
  return { ...base, actor: 'ann', at: 1, reason: 'same cause', ...over }
}

function encodeDecision(over: Partial<GroupingDecision>): Buffer {
  const decision = decisionOf(over)
  return entry(`p/${decision.id}`, decision)
}

function entry(id: string, value: object): Buffer {
  const at = 1
  const fields = { kind: DECISION_KIND, id, at, actor: 'ann', value: JSON.stringify(value) }
  return encode('ConfigEntry', SCHEMA_IDS.ConfigEntry, fields)
}

const STATES = ['started', 'paused', 'stopped', 'resumed'].map(
  (state) => `volume for ${state} is now known`,
)

describe('decisions about groups', () => {
  it('[C11] a merge holds from its place in the log on, and rows keep what they would be alone', async () => {
    const { send, decide, aliases } = await start()
    const [disk, net] = await send('disk 1 is full', 'link eth0 went down')
    await decide({ pins: [{ fingerprint: net!.fingerprint, to: disk!.fingerprint }] })
    const [later] = await send('link eth1 went down')
    expect(later).toMatchObject({
      fingerprint: disk!.fingerprint,
      fingerprint_own: net!.fingerprint,
    })
    expect(await aliases()).toMatchObject([
      { alias: net!.fingerprint, canonical: disk!.fingerprint, actor: 'ann', decision: 'd' },
    ])
  })

  it('[C11] what was learned to be one and then split stays split, for new events too', async () => {
    const { send, decide, aliases } = await start()
    const before = await send(...STATES)
    const [again] = await send(STATES[1]!)
    // Four names where names stand were learned to be one template.
    expect(again!.fingerprint).toBe(before[0]!.fingerprint)
    expect(again!.fingerprint_own).toBe(before[1]!.fingerprint)
    const own = again!.fingerprint_own
    await decide({ kind: 'split', pins: [{ fingerprint: own, to: own }] })
    const [paused, started] = await send(STATES[1]!, STATES[0]!)
    expect(paused).toMatchObject({ fingerprint: own, fingerprint_own: '' })
    expect(started!.fingerprint).toBe(before[0]!.fingerprint)
    expect((await aliases()).at(-1)).toMatchObject({ alias: own, canonical: own, actor: 'ann' })
  })

  it('[C12] rules hold from their place on, and say which one decided', async () => {
    const { send, decide } = await start()
    const rule = {
      id: 'disks',
      match: { message: '*disk*' },
      fingerprint: ['disk', '{{service}}'],
      title: 'A disk of {{service}}',
    }
    const [before] = await send('disk 1 is full')
    await decide({ kind: 'rules', rules: [rule] })
    const [one, two] = await send('disk 2 is full', 'disk 3 cannot be read')
    expect(before!.fingerprint_rule).toBe('')
    expect(one).toMatchObject({
      fingerprint_method: 'rule',
      fingerprint_rule: 'disks',
      title: 'A disk of web',
    })
    expect(two!.fingerprint).toBe(one!.fingerprint)
    await decide({ id: 'e', revision: 2, kind: 'rules', rules: [] })
    const [after] = await send('disk 4 is full')
    expect(after!.fingerprint).toBe(before!.fingerprint)
  })

  it('a decision that arrives twice, or after a later one, changes nothing', async () => {
    const { send, decide, aliases } = await start()
    const [disk, net] = await send('disk 1 is full', 'link eth0 went down')
    const merge = { pins: [{ fingerprint: net!.fingerprint, to: disk!.fingerprint }] }
    await decide(merge)
    const pins = [{ fingerprint: net!.fingerprint, to: net!.fingerprint }]
    await decide({ id: 'e', revision: 2, kind: 'split', pins })
    await decide(merge)
    const [later] = await send('link eth2 went down')
    expect(later!.fingerprint).toBe(net!.fingerprint)
    expect(await aliases()).toHaveLength(2)
  })

  it('[C11] [N7] replay from zero, and a crash, give the same bytes', async () => {
    const first = await start()
    const [disk, net] = await first.send('disk 1 is full', 'link eth0 went down', ...STATES)
    await first.decide({ pins: [{ fingerprint: net!.fingerprint, to: disk!.fingerprint }] })
    await first.driver.crash('fingerprint')
    await first.send('link eth1 went down', ...STATES)
    const raw = await first.driver.read(RAW)

    const second = await start()
    await second.driver.pipe(
      RAW,
      'p/web',
      raw.map(({ value }) => value!),
      1,
    )
    await second.driver.run()
    for (const topic of [TOPICS.fingerprinted.name, TOPICS.aliases.name]) {
      const bytes = async ({ driver }: typeof first) =>
        (await driver.read(topic)).map(({ value }) => value)
      expect(await bytes(second)).toEqual(await bytes(first))
    }
    // Without the decision the bytes differ: the comparison can fail.
    const third = await start()
    const events = raw.filter(({ value }) => value!.readUInt32BE(1) === SCHEMA_IDS.Event)
    await third.driver.pipe(
      RAW,
      'p/web',
      events.map(({ value }) => value!),
      1,
    )
    await third.driver.run()
    const last = async ({ driver }: typeof first) =>
      grouped.decode((await driver.read(TOPICS.fingerprinted.name)).at(-5)!.value!).fingerprint
    expect(await last(third)).not.toBe(await last(first))
  })

  it('state that begins behind a decision has it from config.v1', async () => {
    const { log, driver, send } = await start()
    const [disk, net] = await send('disk 1 is full', 'link eth0 went down')
    const decision = decisionOf({
      pins: [{ fingerprint: net!.fingerprint, to: disk!.fingerprint }],
    })
    const late = decisionOf({
      id: 'late',
      revision: 2,
      pins: [{ fingerprint: net!.fingerprint, to: net!.fingerprint }],
    })
    const values = [
      entry('p/d', { decision, offsets: [1] }),
      entry('p/late', { decision: late, offsets: [7] }),
    ]
    await driver.pipe(TOPICS.config.name, 'k', values, 1)
    const kept = await loadDecisionsBefore({ log, schemas: SCHEMAS }, 0, 2)
    expect(kept.map(({ id }) => id)).toEqual(['d'])
    const elsewhere = entry('q/d', { decision: decisionOf({ project: 'q' }), offsets: [0] })
    await driver.pipe(TOPICS.config.name, 'k', [elsewhere], 1)
    const both = await loadDecisionsBefore({ log, schemas: SCHEMAS }, 0, 2)
    expect(both.map(({ project }) => project).toSorted()).toEqual(['p', 'q'])
    // A task whose state is empty and whose first record lies behind the decision.
    const fresh = await start()
    const early = [entry('p/d', { decision, offsets: [-1] })]
    await fresh.driver.pipe(TOPICS.config.name, 'k', early, 1)
    const [again] = await fresh.send('link eth1 went down')
    expect(again!.fingerprint).toBe(disk!.fingerprint)
    const [undecided] = await (await start()).send('link eth1 went down')
    expect(undecided!.fingerprint).toBe(net!.fingerprint)
  })
})
