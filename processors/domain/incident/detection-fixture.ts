import type { Detection } from '#/processors/domain/spike/types.ts'
import type { TopologyService } from './service-graph.ts'

/** Detections for tests: a small shop, and one detection with only what a test cares about spelled out. */
export const T0 = Date.UTC(2026, 0, 5, 12)
export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE

export const SHOP: readonly TopologyService[] = [
  { name: 'edge-1', criticality: 4, zone: 'z0', calls: ['cart-2', 'pay-3'] },
  { name: 'cart-2', criticality: 3, zone: 'z1', calls: ['store-4'] },
  { name: 'pay-3', criticality: 3, zone: 'z2', calls: ['store-4'], external: ['bank.example'] },
  { name: 'store-4', criticality: 2, zone: 'z0', calls: [] },
  { name: 'mail-5', criticality: 1, zone: 'z1', calls: [], external: ['smtp.example'] },
]

export interface AlertSpec {
  service: string
  fingerprint: string
  /** Milliseconds after T0. */
  at: number
  kind?: Detection['kind']
  errorType?: string
  message?: string
  count?: number
  users?: readonly number[]
  release?: string
  extra?: Partial<Detection>
}

export function alert(spec: AlertSpec): Detection {
  const { service, fingerprint, at, kind = 'novel', message = `cannot load ${fingerprint}` } = spec
  const atMs = T0 + at
  const id = `${kind}-${service}-${fingerprint}-${at}`
  const errorType = spec.errorType ?? 'TypeError'
  return {
    id,
    revision: 0,
    kind,
    subject: 'fingerprint',
    atMs,
    startedAtMs: atMs - 5 * SECOND,
    project: 'shop',
    service,
    environment: 'prod',
    fingerprint,
    episodeId: id,
    observed: spec.count ?? 20,
    expected: 0.1,
    windowMin: 10,
    score: 30,
    threshold: 12.5,
    sentence: `${spec.count ?? 20} errors in 10 min, 0.1 expected`,
    sample: {
      eventId: `e-${fingerprint}-${at}`,
      occurredAtMs: atMs,
      severity: 4,
      message,
      errorType,
      title: `${errorType}: ${message}`,
    },
    count: spec.count ?? 20,
    users: spec.users ?? [],
    hosts: [],
    releases: spec.release === undefined ? [] : [spec.release],
    callees: [],
    severityMax: 4,
    ...spec.extra,
  }
}

/** A minute of an episode that goes on. */
export function activity(of: Detection, minutes: number, count = 10): Detection {
  const startedAtMs = Math.floor(of.startedAtMs / MINUTE) * MINUTE + minutes * MINUTE
  return {
    ...of,
    id: `${of.id}-m${minutes}`,
    kind: 'activity',
    startedAtMs,
    atMs: startedAtMs + MINUTE,
    count,
  }
}

export function deploy(service: string, release: string, at: number): Detection {
  const base = alert({ service, fingerprint: '', at })
  return {
    ...base,
    id: `deploy-${service}-${release}`,
    kind: 'deploy',
    subject: 'events',
    startedAtMs: T0 + at,
    count: 1,
    deploy: { deployId: `deploy-${release}`, release },
  }
}
