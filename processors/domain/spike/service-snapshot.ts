import type { SavedDesk } from './alert-desk.ts'
import type { SavedFingerprint } from './fingerprint-state.ts'
import type { SavedBin } from './minute-bin.ts'
import type { ServiceClock } from './service-clock.ts'
import type { SavedSeries } from './service-series.ts'
import type { IncidentPolicy } from './types.ts'

export interface ServiceDetectorOptions {
  project: string
  service: string
  /** When a new fingerprint opens an episode; default `threshold`. */
  policy?: IncidentPolicy
  /** Fingerprints remembered; past it the quietest tenth is forgotten. Default 20,000. */
  fingerprintsMax?: number
}

/** The whole state of a service detector as plain data; it survives JSON exactly. */
export interface ServiceSnapshot {
  options: ServiceDetectorOptions
  clock: ServiceClock
  firstEventMs: number | null
  closedMinute: number
  lastEventMinute: number
  lastLifeMinute: number
  bins: [number, SavedBin][]
  fingerprints: [string, SavedFingerprint][]
  series: SavedSeries
  desk: SavedDesk
  /** Absent while the service was not seen to call another. */
  calls?: string[]
}
