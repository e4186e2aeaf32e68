import { describe, expect, it } from 'vitest'
import { runChain } from './chain.ts'
import type { ChainOptions } from './chain.ts'
import { createScenario } from './scenario.ts'

/** The same topic, worked off in other ways. */
const SEED = Number(process.env['FAULTLINE_SIM_SEED'] ?? 1)
const PARTITIONS = 3
const scenario = createScenario({ seed: SEED, minutes: 10 })
const WAYS: readonly Omit<ChainOptions, 'partitions'>[] = [
  { seed: 1, crashChance: 0, readBytesMax: Infinity },
  { seed: 2, crashChance: 0, readBytesMax: 700 },
  { seed: 3, crashChance: 0.005, readBytesMax: 20_000 },
]

async function hashes(events: typeof scenario, way: Omit<ChainOptions, 'partitions'>) {
  const { tables } = await runChain(events, { ...way, partitions: PARTITIONS })
  const all = [tables.events, ...tables.derived]
  return Object.fromEntries(
    await Promise.all(all.map(async (table) => [table.name, await table.hash()] as const)),
  )
}

describe('two runs over one topic', () => {
  it('[B9] [RT17] with other batch sizes, interleavings and deaths give the same tables to the byte', async () => {
    const [first, ...others] = await Promise.all(WAYS.map((way) => hashes(scenario, way)))
    expect(first?.['events']?.rows).toBeGreaterThan(500)
    expect(first?.['incident_events']?.rows).toBeGreaterThan(0)
    for (const other of others) expect(other).toEqual(first)
    // Negative control: one event less, and the hash tells.
    const less = await hashes(scenario.slice(1), WAYS[0]!)
    expect(less['events']?.hash).not.toBe(first?.['events']?.hash)
  })
})
