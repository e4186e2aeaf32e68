import { afterEach, describe, expect, it, vi } from 'vitest'
import { runChain } from './chain.ts'
import { startReplayPlatform } from './replay-platform.ts'
import type { ReplayPlatform, ReplayPlatformOptions } from './replay-platform.ts'
import { createScenario } from './scenario.ts'
import { TOPICS } from '#/schemas/topics.ts'

const SEED = Number(process.env['FAULTLINE_SIM_SEED'] ?? 1)
const scenario = createScenario({ seed: SEED, minutes: 40 })
const half = scenario.slice(0, scenario.length / 2)
const rest = scenario.slice(scenario.length / 2)

const running: ReplayPlatform[] = []
afterEach(async () => {
  for (const platform of running.splice(0)) await platform.stop()
})

async function start(over: ReplayPlatformOptions['over'] = {}): Promise<ReplayPlatform> {
  const platform = await startReplayPlatform({ seed: SEED, over })
  running.push(platform)
  return platform
}

describe('a replay', () => {
  it('[B9] [RT16] [RT17] gives the same tables, twice, and live work does not notice', async () => {
    const reference = await runChain(scenario, {
      seed: SEED,
      partitions: 1,
      crashChance: 0,
      readBytesMax: Infinity,
    })
    const wanted = (await reference.driver.read(TOPICS.lifecycle.name)).map(({ value }) =>
      String(value?.toString('base64')),
    )
    const platform = await start()
    await platform.send(half)
    await platform.settle()
    const before = platform.rowsOf('incident_events')
    const first = await platform.desk.run({ group: 'fingerprint', resetTo: 'earliest' })
    expect(first.identical).toBe(true)
    expect(platform.rowsOf('incident_events')).toEqual(before)
    expect(first.stages.toSorted()).toEqual(
      ['fingerprint', 'detect', 'cluster', 'enrich', 'events-sink', 'derived-sink'].toSorted(),
    )

    // The second one runs while the other half arrives.
    const replay = platform.desk.run({ group: 'detect', resetTo: 'earliest' })
    await platform.send(rest)
    const second = await replay
    expect(second.identical).toBe(true)
    await platform.settle()
    const third = await platform.desk.run({ group: 'cluster', resetTo: 'earliest' })
    expect(third.identical).toBe(true)
    expect(third.epoch).toBeGreaterThan(second.epoch)
    expect(await platform.lifecycle()).toEqual(wanted)
    expect(platform.rowsOf('incident_events')).toEqual(wanted.toSorted())
    const ids = scenario.flatMap((o) => (o.kind === 'event' ? [o.event.event_id] : []))
    expect(platform.rowsOf('events')).toHaveLength(new Set(ids).size)
    expect(platform.problems).toEqual([])
  })

  it('[RT19] from a moment on keeps the rows from before it', async () => {
    const platform = await start()
    await platform.send(scenario)
    await platform.settle()
    const before = platform.rowsOf('events')
    const timeMs = scenario.find((o) => o.kind === 'tick')!.at + 20 * 60_000
    const report = await platform.desk.run({ group: 'events-sink', resetTo: { timeMs } })
    expect(report.records).toBeGreaterThan(0)
    expect(report.records).toBeLessThan(before.length)
    expect(platform.rowsOf('events')).toEqual(before)
    expect(report.identical).toBe(true)
  })

  it('[RT17] with other rules says that the tables differ', async () => {
    let rules: readonly object[] = []
    const platform = await start({ rulesOf: () => rules as never })
    await platform.send(half)
    await platform.settle()
    rules = [{ match: { message: '*' }, fingerprint: ['all in one'] }]
    const report = await platform.desk.run({ group: 'fingerprint', resetTo: 'earliest' })
    expect(report.identical).toBe(false)
    expect(report.tables['events']?.after.rows).toBe(report.tables['events']?.before.rows)
    expect(report.tables['events']?.after.hash).not.toBe(report.tables['events']?.before.hash)
  })

  it('[RT18] cancelled, changes nothing', async () => {
    const platform = await start()
    await platform.send(half)
    await platform.settle()
    const before = platform.rowsOf('events')
    const cancel = new AbortController()
    const replay = platform.desk.run({
      group: 'fingerprint',
      resetTo: 'earliest',
      signal: cancel.signal,
      onProgress: ({ phase }) => {
        if (phase === 'pausing') cancel.abort()
      },
    })
    await expect(replay).rejects.toThrow('aborted')
    expect(platform.rowsOf('events')).toEqual(before)
    await platform.send(rest)
    await platform.settle()
    expect(platform.rowsOf('events').length).toBeGreaterThan(before.length)
  })

  it('[RT7] [B9] an offset set back by another tool becomes a replay', async () => {
    const platform = await start()
    await platform.send(half)
    await platform.settle()
    const before = platform.rowsOf('incident_events')
    await platform.log.resetOffsets(
      'cluster',
      [0].map((partition) => ({
        topic: TOPICS.detections.name,
        partition,
        offset: 0,
        metadata: '',
      })),
    )
    await vi.waitFor(() => expect(platform.reports).toHaveLength(1), { timeout: 15_000 })
    expect(platform.reports[0]).toMatchObject({ group: 'cluster', identical: true })
    expect(platform.rowsOf('incident_events')).toEqual(before)
  })
})
