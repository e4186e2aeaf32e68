import { describe, expect, it } from 'vitest'
import { createDecoder, schemaIdOf } from '#/schemas/codec.ts'
import type { GroupedEvent } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { runChain } from './chain.ts'
import type { ChainOptions } from './chain.ts'
import { SCHEMA_IDS } from './fixture.ts'
import { createScenario } from './scenario.ts'
import type { Occurrence } from './scenario.ts'

/** Seeds to play; more of them by FAULTLINE_SIM_SEEDS, one of them again by FAULTLINE_SIM_SEED. */
const FIRST = Number(process.env['FAULTLINE_SIM_SEED'] ?? 1)
const COUNT = Number(process.env['FAULTLINE_SIM_SEEDS'] ?? 2)
const SEEDS = Array.from({ length: COUNT }, (_, index) => FIRST + index)

const CALM = { partitions: 1, crashChance: 0, readBytesMax: Infinity }
const grouped = createDecoder('GroupedEvent')

type Outcome = Awaited<ReturnType<typeof runChain>>

const play = (scenario: readonly Occurrence[], options: Omit<ChainOptions, 'seed'>, seed: number) =>
  runChain(scenario, { seed, ...options })

async function valuesOf({ driver }: Outcome, topic: string): Promise<string[]> {
  return (await driver.read(topic)).map(({ value }) => String(value?.toString('base64')))
}

async function eventsOf({ driver }: Outcome): Promise<GroupedEvent[]> {
  const records = await driver.read(TOPICS.fingerprinted.name)
  return records
    .filter(({ value }) => schemaIdOf(value!) === SCHEMA_IDS.GroupedEvent)
    .map(({ value }) => grouped.decode(value!))
}

function firstSent(scenario: readonly Occurrence[]): string[] {
  const ids = scenario.flatMap((o) => (o.kind === 'event' ? [o.event.event_id] : []))
  return [...new Set(ids)]
}

describe.each(SEEDS)('the chain, seed %i', (seed) => {
  const scenario = createScenario({ seed, minutes: 30 })
  const hard = (partitions: number) => ({
    partitions,
    crashChance: 0.03 / partitions,
    readBytesMax: 40_000,
  })

  it('[B3] [B10] loses nothing, doubles nothing and keeps the order of each key, through deaths', async () => {
    for (const partitions of [1, 8]) {
      const outcome = await play(scenario, hard(partitions), seed)
      expect(outcome.deaths).toBeGreaterThan(0)
      const events = await eventsOf(outcome)
      const ids = firstSent(scenario)
      expect(events.map(({ event_id }) => event_id).toSorted()).toEqual(ids.toSorted())
      const rank = new Map(ids.map((id, index) => [id, index]))
      for (const service of new Set(events.map((event) => event.service))) {
        const order = events.filter((e) => e.service === service).map((e) => rank.get(e.event_id)!)
        expect(order).toEqual(order.toSorted((a, b) => a - b))
      }
      expect(outcome.tables.events.rows()).toHaveLength(ids.length)
      const rowKeys = outcome.tables.events.rows().map((row) => `${row.partition}/${row.offset}`)
      expect(new Set(rowKeys).size).toBe(ids.length)
    }
  })

  it('[RT12] incidents are the same bytes for other batch sizes, partition counts and deaths', async () => {
    const reference = await play(scenario, CALM, seed)
    const wanted = await valuesOf(reference, TOPICS.lifecycle.name)
    expect(wanted.length).toBeGreaterThan(0)
    for (const options of [{ ...CALM, partitions: 8 }, hard(1), hard(8), hard(3)]) {
      const outcome = await play(scenario, options, seed + 1000)
      expect(await valuesOf(outcome, TOPICS.lifecycle.name)).toEqual(wanted)
      expect(await valuesOf(outcome, TOPICS.insights.name)).toEqual(
        await valuesOf(reference, TOPICS.insights.name),
      )
      const incidents = outcome.tables.derived.find(({ name }) => name === 'incident_events')
      expect(incidents?.rows().map(({ value }) => value)).toEqual(wanted)
    }
  })

  it('without intents the same run doubles rows: the check can fail', async () => {
    let doubled = 0
    const short = createScenario({ seed, minutes: 10 })
    for (let other = 0; other < 10 && doubled === 0; other += 1) {
      const options = { ...hard(1), crashChance: 0.06, intent: false }
      const outcome = await play(short, options, seed + other)
      doubled += outcome.tables.events.rows().length - firstSent(short).length
    }
    expect(doubled).toBeGreaterThan(0)
  })
})
