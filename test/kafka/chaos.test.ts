import { describe, expect, it } from 'vitest'
import { runKafkaChaos } from '#/test/chaos/kafka.ts'
import { ownBrokerAvailable } from './shared.ts'

/** A short round of `npm run chaos -- kafka`; its negative control runs with `--no-intent`, fences have theirs. */
describe.skipIf(!ownBrokerAvailable())('roles on Kafka under kills, pauses and restarts', () => {
  it('[B10] [B17] [B3] [K8] nothing acknowledged is lost or doubled, rollups and order hold', async () => {
    const report = await runKafkaChaos({
      actions: 12,
      seed: 20,
      durationMsMax: 120_000,
      actionsPerLook: 12,
      intent: true,
    })
    expect(report.faults).toEqual([])
    // Each waits for the broker it may have killed: on a busy machine the time is up before all are done.
    expect(report.actions).toBeGreaterThanOrEqual(4)
    expect(report.acknowledged).toBeGreaterThan(500)
  }, 400_000)
})
