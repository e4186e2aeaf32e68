import type { Detection } from '#/processors/domain/spike/types.ts'
import type { IncidentChange } from './cluster.ts'
import { createClusterer } from './clusterer.ts'
import type { Clusterer } from './clusterer.ts'
import { alert, HOUR, SECOND, SHOP, T0 } from './detection-fixture.ts'

/** Watched for six hours before anything happens, as a live project would have been. */
export function watched(): Clusterer {
  const clusterer = createClusterer({ project: 'shop', topology: SHOP })
  clusterer.advance(T0 - 6 * HOUR)
  return clusterer
}

export function applyAll(clusterer: Clusterer, detections: readonly Detection[]): IncidentChange[] {
  return detections.flatMap((detection) => clusterer.apply(detection))
}

/** A full disk at the bottom, and everything that calls it. */
export const CASCADE = [
  alert({
    service: 'store-4',
    fingerprint: 'disk',
    at: 0,
    errorType: 'DiskFullError',
    message: 'disk full on 4',
  }),
  alert({
    service: 'cart-2',
    fingerprint: 'a',
    at: 20 * SECOND,
    errorType: 'TimeoutError',
    message: 'upstream store-4 timed out after 30ms',
  }),
  alert({
    service: 'pay-3',
    fingerprint: 'b',
    at: 40 * SECOND,
    errorType: 'HTTP503',
    message: 'failed to reserve quote 7',
  }),
  alert({
    service: 'edge-1',
    fingerprint: 'c',
    at: 70 * SECOND,
    errorType: 'UpstreamError',
    message: 'upstream pay-3 timed out after 3ms',
  }),
  alert({ service: 'edge-1', fingerprint: 'd', at: 90 * SECOND, message: 'cannot render page 4' }),
]
