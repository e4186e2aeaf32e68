import { expect, it } from 'vitest'
import { runPlatformChaos } from '#/test/chaos/platform.ts'

/** A short round of `npm run chaos`, and proof that it would notice. */
it('[B10] [A15] [K8] killed ten times under load: every acknowledged event is there once, rollups and order too', async () => {
  const report = await runPlatformChaos({
    kills: 10,
    seed: 7,
    durationMsMax: 90_000,
    killsPerLook: 10,
    intent: true,
  })
  expect(report.faults).toEqual([])
  expect(report.kills).toBeGreaterThanOrEqual(10)
  expect(report.acknowledged).toBeGreaterThan(1000)
})

it('the same without the intent finds doubled rows', async () => {
  const report = await runPlatformChaos({
    kills: 30,
    seed: 8,
    durationMsMax: 120_000,
    killsPerLook: 5,
    intent: false,
  })
  expect(report.faults.join('\n')).toMatch(/rows are doubled/)
})
