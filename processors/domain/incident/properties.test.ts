import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { compareDetections, createClusterer } from './clusterer.ts'
import type { ClustererSnapshot } from './clusterer.ts'
import { activity, alert, deploy, HOUR, MINUTE, SECOND, SHOP, T0 } from './detection-fixture.ts'

const TEXTS = [
  ['TypeError', 'cannot load quote 4'],
  ['TimeoutError', 'upstream store-4 timed out after 3ms'],
  ['HTTP503', 'failed to fetch cart 9'],
  ['HTTP502', 'request to bank.example failed with 7'],
  ['ECONNRESET', 'network error 12'],
  ['DiskFullError', 'disk full on 3'],
] as const

const anyAlert = fc
  .record({
    service: fc.constantFrom(...SHOP.map(({ name }) => name)),
    issue: fc.nat(5),
    alias: fc.nat(12),
    at: fc.nat(3 * 3600),
    text: fc.constantFrom(...TEXTS),
    count: fc.integer({ min: 2, max: 50 }),
    users: fc.uniqueArray(fc.nat(10_000), { maxLength: 4 }),
    kind: fc.constantFrom('novel' as const, 'spike' as const),
    minutes: fc.nat(6),
  })
  .map(({ service, issue, alias, at, text: [errorType, message], minutes, users, ...rest }) => {
    const first = alert({
      service,
      fingerprint: `${errorType}${issue}`,
      at: at * SECOND,
      errorType,
      message,
      users: users.toSorted((left, right) => left - right),
      // Mostly none: then nothing is said.
      extra: alias > 5 || alias === issue ? {} : { aliases: [`${errorType}${alias}`] },
      ...rest,
    })
    const goesOn = Array.from({ length: minutes }, (_, minute) => activity(first, minute))
    return [first, ...goesOn]
  })

const anyDeploy = fc
  .record({
    service: fc.constantFrom('cart-2', 'pay-3'),
    at: fc.nat(3 * 3600),
    version: fc.nat(99),
  })
  .map(({ service, at, version }) => [deploy(service, `v${version}`, at * SECOND)])

const anyHistory = fc
  .array(fc.oneof({ weight: 5, arbitrary: anyAlert }, anyDeploy), { maxLength: 25 })
  .map((parts) => {
    const once = new Map(parts.flat().map((detection) => [detection.id, detection]))
    return [...once.values()].toSorted(compareDetections)
  })

interface Slice {
  nowMs: number
  detections: Detection[]
}

/** Slices of ten seconds, as ticks would close them, until everything is over. */
function slicesOf(history: readonly Detection[]): Slice[] {
  const slices: Slice[] = [{ nowMs: T0 - 6 * HOUR, detections: [] }]
  for (let nowMs = T0; nowMs < T0 + 5 * HOUR; nowMs += 10 * SECOND) {
    const detections = history.filter(({ atMs }) => atMs > nowMs - 10 * SECOND && atMs <= nowMs)
    if (detections.length > 0 || nowMs % MINUTE === 0) slices.push({ nowMs, detections })
  }
  return slices
}

function run(
  slices: readonly Slice[],
  between: (snapshot: ClustererSnapshot, at: number) => boolean,
): string[] {
  let clusterer = createClusterer({ project: 'shop', topology: SHOP })
  const told: string[] = []
  for (const [at, { nowMs, detections }] of slices.entries()) {
    for (const detection of detections.toSorted(compareDetections))
      told.push(...clusterer.apply(detection).map((change) => JSON.stringify(change)))
    told.push(...clusterer.advance(nowMs).map((change) => JSON.stringify(change)))
    const snapshot = clusterer.snapshot()
    if (between(snapshot, at))
      clusterer = createClusterer(
        { project: 'shop', topology: SHOP },
        JSON.parse(JSON.stringify(snapshot)) as ClustererSnapshot,
      )
  }
  return told
}

describe('whatever happens', () => {
  it('the order in which partitions deliver a slice changes nothing', () => {
    fc.assert(
      fc.property(anyHistory, fc.infiniteStream(fc.nat()), (history, chance) => {
        const slices = slicesOf(history)
        const shuffled = slices.map(({ nowMs, detections }) => ({
          nowMs,
          detections: detections
            .map((detection) => ({ detection, key: chance.next().value }))
            .toSorted((left, right) => left.key - right.key)
            .map(({ detection }) => detection),
        }))
        expect(run(shuffled, () => false)).toEqual(run(slices, () => false))
      }),
      { numRuns: 25 },
    )
  })

  it('a restart from a snapshot, at any slice and through JSON, equals no restart', () => {
    fc.assert(
      fc.property(anyHistory, fc.integer({ min: 2, max: 60 }), (history, every) => {
        const slices = slicesOf(history)
        expect(run(slices, (_, at) => at % every === 0)).toEqual(run(slices, () => false))
      }),
      { numRuns: 25 },
    )
  })

  it('an event once told is in exactly one incident, numbers have no gaps, seq has none either', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const clusterer = createClusterer({ project: 'shop', topology: SHOP })
        const seqs = new Map<string, number>()
        const numbers = new Set<number>()
        for (const { nowMs, detections } of slicesOf(history)) {
          const changes = detections.flatMap((detection) => clusterer.apply(detection))
          for (const { incident } of [...changes, ...clusterer.advance(nowMs)]) {
            expect(incident.seq).toBe((seqs.get(incident.id) ?? 0) + 1)
            seqs.set(incident.id, incident.seq)
            numbers.add(incident.number)
            expect(incident.openedAt).toBeLessThanOrEqual(incident.updatedAt)
          }
          const keys = clusterer
            .openIncidents()
            .flatMap(({ members }) => members.map(({ key }) => key))
          expect(new Set(keys).size).toBe(keys.length)
        }
        expect([...numbers].toSorted((left, right) => left - right)).toEqual(
          [...numbers].map((_, index) => index + 1),
        )
      }),
      { numRuns: 25 },
    )
  })
})
