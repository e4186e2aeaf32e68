import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import { createDriver } from '#/processors/runtime/driver.ts'
import { createTopology, topicConfigsOf } from '#/processors/topology.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { appendOccurrence, chainDeps, createTables, runChain } from './chain.ts'
import { createScenario } from './scenario.ts'

const PARTITIONS = 2
const SEED = Number(process.env['FAULTLINE_SIM_SEED'] ?? 1)
const dir = mkdtempSync(join(tmpdir(), 'faultline-sim-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('the chain on the durable log', () => {
  it(`[RT4] [RT12] closed and opened again in the middle, ends with the same incidents (seed ${SEED})`, async () => {
    const scenario = createScenario({ seed: SEED, minutes: 20 })
    const calm = { seed: SEED, partitions: 1, crashChance: 0, readBytesMax: Infinity }
    const reference = await runChain(scenario, calm)
    const wanted = (await reference.driver.read(TOPICS.lifecycle.name)).map(({ value }) => value)
    const random = createSeededRandom(SEED)
    const tables = createTables()
    const lives = 4
    let lifecycle: unknown[] = []
    for (let life = 0; life < lives; life += 1) {
      const log = await openEmbeddedLog({ dir, clock: systemClock })
      const topology = createTopology(chainDeps(tables, { delayMs: 0 }))
      const driver = await createDriver({
        log,
        clock: systemClock,
        random,
        stages: topology.stages,
        topics: topicConfigsOf(topology.stages, { partitions: PARTITIONS, retentionMs: Infinity }),
        deadLetters: topology.deadLetters,
      })
      const share = scenario.length / lives
      for (const occurrence of scenario.slice(life * share, (life + 1) * share))
        await appendOccurrence(log, PARTITIONS, occurrence)
      if (life < lives - 1) for (let step = random.int(60); step > 0; step -= 1) await driver.step()
      else await driver.run()
      lifecycle = (await driver.read(TOPICS.lifecycle.name)).map(({ value }) => value)
      // Nothing is drained: the next life has what was committed and no more.
      await log.close()
    }
    expect(lifecycle).toEqual(wanted)
    expect(lifecycle.length).toBeGreaterThan(0)
    const ids = scenario.flatMap((o) => (o.kind === 'event' ? [o.event.event_id] : []))
    expect(tables.events.rows()).toHaveLength(new Set(ids).size)
  })
})
