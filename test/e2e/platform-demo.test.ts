/** The story a newcomer sees first: it must come soon, and be about the release that broke things. */
import { expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import type { IncidentRow, Page } from '#/schemas/view.ts'
import { startPlatform } from './platform.ts'
import { waitFor } from './processes.ts'

const WITHIN_MS = 60_000

it('[K4] the demo shows its first incident within 60 s of serving, with the release to blame', async () => {
  await using platform = await startPlatform({ args: ['--demo'] })
  const servedMs = systemClock.monotonicMs()
  const first = await waitFor(
    async () =>
      (await platform.get<Page<IncidentRow>>('/api/incidents')).items.find(
        (row) => row.suspect_deploy !== '',
      ),
    { what: 'the first incident', withinMs: WITHIN_MS },
  )
  const tookS = (systemClock.monotonicMs() - servedMs) / 1000
  process.stdout.write(`demo: first incident ${tookS.toFixed(1)} s after serving\n`)
  expect(first.services).toContain('checkout-service')
  expect(first.suspect_deploy).toBe('deploy-checkout-service-v1.1.0')
})
