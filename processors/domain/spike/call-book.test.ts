import { expect, it } from 'vitest'
import { makeEvent, MINUTE_MS, START_MS } from './detector-fixture.ts'
import { createServiceDetector, restoreServiceDetector } from './service-detector.ts'
import type { ServiceSnapshot } from './service-detector.ts'

const SERVICE = { project: 'shop', service: 'checkout' }

it('[C4] whom a service called while all was well is told with what opens later, also after a restart', () => {
  const calls = Array.from({ length: 40 }, (_, at) =>
    makeEvent({ occurredAtMs: START_MS + at, type: 'custom', severity: 2, callee: `s${at % 35}` }),
  )
  const plain = { occurredAtMs: START_MS + MINUTE_MS, fingerprint: 'f', severity: 5 }
  const failure = makeEvent({ ...plain, callee: 's1' })
  const detector = createServiceDetector(SERVICE)
  for (const call of calls) expect(detector.observe(call)).toEqual([])
  const again = restoreServiceDetector(
    JSON.parse(JSON.stringify(detector.snapshot())) as ServiceSnapshot,
  )
  const [opened] = again.observe(failure)
  expect(opened).toMatchObject({ kind: 'novel', callees: ['s1'] })
  // 35 were named; those named last are kept.
  expect(opened?.calls).toHaveLength(32)
  expect(opened?.calls).toContain('s34')
  expect(detector.observe(failure)).toEqual([opened])
  const [silent] = createServiceDetector(SERVICE).observe(makeEvent(plain))
  expect(silent?.kind).toBe('novel')
  expect(silent?.calls).toBeUndefined()
})
