import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import { reExecute } from '#/processors/runtime/re-execute.ts'
import { createTopology, topicConfigsOf } from '#/processors/topology.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import { PLAIN_ACTION } from '#/schemas/action.ts'
import type { IncidentEvent } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { appendOccurrence, chainDeps, createTables } from './chain.ts'
import { SCHEMA_IDS } from './fixture.ts'
import { createScenario } from './scenario.ts'

/** People decide about incidents while a scenario goes on; then everything is computed again from several places. */
const SEED = Number(process.env['FAULTLINE_SIM_SEED'] ?? 1)
const PARTITIONS = 3
/** Before the tick that closes its slice: always more than the margin of the live chain. */
const BEFORE_TICK_MS = [600, 1400, 2900, 4800]
/** How far the clock of whoever decided before, in the same partition, was ahead. */
const SKEW_MS = 2000

type Platform = Awaited<ReturnType<typeof play>>

async function play() {
  const clock = createManualClock(1)
  const random = createSeededRandom(SEED)
  const log = createMemoryLog({ clock })
  const topology = createTopology(chainDeps(createTables(), { delayMs: 0 }))
  const { stages, deadLetters } = topology
  const topics = topicConfigsOf(stages, { partitions: PARTITIONS, retentionMs: Infinity })
  const driver = await createDriver({ log, clock, random, stages, topics, deadLetters })
  const decoder = createDecoder('IncidentEvent')
  type Told = Pick<IncidentEvent, 'project' | 'incident_id'>
  const lock = async ({ project, incident_id }: Told, level: number, at: number) => {
    const value = encode('Action', SCHEMA_IDS.Action, {
      ...PLAIN_ACTION,
      project,
      incident_id,
      seq: 1,
      command_id: `c${at}`,
      kind: 'severity',
      actor: 'ada',
      at,
      payload: JSON.stringify({ level }),
    })
    await driver.pipe(TOPICS.actions.name, 'one room', [value], at)
  }
  let count = 0
  for (const occurrence of createScenario({ seed: SEED, minutes: 12 })) {
    if (occurrence.kind === 'tick') {
      const [first] = await driver.read(TOPICS.lifecycle.name)
      if (first !== undefined) {
        const incident = decoder.decode(first.value!)
        const at = occurrence.at - BEFORE_TICK_MS[count % BEFORE_TICK_MS.length]!
        if (count % 2 === 0) await lock(incident, 1, at + SKEW_MS)
        await lock(incident, 1 + (count % 5), at)
        count += 1
      }
      await driver.run()
    }
    await appendOccurrence(log, PARTITIONS, occurrence)
    if (occurrence.kind === 'tick') await driver.run()
  }
  return { driver, log, clock, random, stages, count }
}

async function again({ log, clock, random, stages }: Platform, group: string) {
  const values: (Buffer | null)[] = []
  await reExecute(
    { log, clock, random, stages, breathe: async () => undefined },
    {
      group,
      topics: [TOPICS.lifecycle.name],
      onRecords: async (_, records) => void values.push(...records.map(({ value }) => value)),
      onProgress: () => undefined,
      signal: new AbortController().signal,
    },
  )
  return values.map(String)
}

describe('decisions of people in a replay', () => {
  it('[RT24] [B9] stand where they stood live, whatever group the replay begins with', async () => {
    const platform = await play()
    const live = (await platform.driver.read(TOPICS.lifecycle.name)).map(({ value }) =>
      String(value),
    )
    expect(platform.count).toBeGreaterThan(50)
    expect(live.filter((text) => text.includes('ada set SEV')).length).toBeGreaterThan(50)
    for (const group of ['fingerprint', 'detect', 'actions', 'cluster'])
      expect((await again(platform, group)).join('\n') === live.join('\n'), group).toBe(true)
    // Negative control: read with everything else, they come behind the ticks that close their slices.
    const stages = platform.stages.map((stage) => ({ ...stage, aheadMs: 0 }))
    expect(await again({ ...platform, stages }, 'actions')).not.toEqual(live)
  })
})
