import { describe, expect, it } from 'vitest'
import { systemRandom } from '#/kernel/random.ts'
import { runOutage } from '#/test/chaos/outage.ts'
import { kafkaSite } from '#/test/chaos/outage-site.ts'
import { ownBrokerAvailable } from './shared.ts'

/** Short; `npm run chaos -- outage --broker 5m` is the long one. */
describe.skipIf(!ownBrokerAvailable())('roles on Kafka while the broker is away', () => {
  it('[K1] events are refused, readiness says so, it catches up by itself, nothing is lost or doubled', async () => {
    await using site = await kafkaSite('broker')
    const seed = systemRandom.int(1e6)
    const report = await runOutage({ site, awayMs: 10_000, seed, pauseMs: 60 })
    expect(report.faults).toEqual([])
    expect(report.resent).toBeGreaterThan(0)
  }, 400_000)
})
