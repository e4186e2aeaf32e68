/** What the story of `start --demo` becomes: an outage each, with the release to blame for the one it is to blame for. */
import { expect, it } from 'vitest'
import { DEMO, demoPlan } from '#/cli/demo.ts'
import { playPlan } from './eval/own-outages.ts'

it('[K4] the demo is three incidents, each about its own failure', { timeout: 120_000 }, () => {
  const startS = DEMO.historyMin * 60
  const durationS = startS + DEMO.endS
  const { truth, incidents } = playPlan(demoPlan(startS), { seed: 1, rate: DEMO.rate, durationS })
  expect(truth.map(({ kind }) => kind)).toEqual(['deploy', 'replica', 'cascade'])
  expect(incidents.map(({ root, suspectDeploy }) => ({ root, suspectDeploy }))).toEqual(
    truth.map(({ root, deploy }) => ({ root, suspectDeploy: deploy ?? '' })),
  )
  const cascade = incidents.at(-1)
  for (const service of truth.at(-1)?.services ?? []) expect(cascade?.services).toContain(service)
})
