import { createQuantileSketch } from './duration-sketch.ts'
import type { DurationSketch } from './duration-sketch.ts'
import { addToTally, createTally } from './tally.ts'
import type { Tally } from './tally.ts'
import type { DetectorEvent } from './types.ts'

export type SeriesName = 'errors' | 'failures' | 'requests' | 'signups' | 'feedback'
export const SERIES: readonly SeriesName[] = [
  'errors',
  'failures',
  'requests',
  'signups',
  'feedback',
]

/** One fingerprint in one open minute. Plain data. */
export interface FingerprintMinute {
  tally: Tally
  /** Events of the first and the second half minute. */
  halves: [number, number]
  /** Events already told with an alert. */
  told: number
  /** Count at which an early alarm was last considered. */
  peekedAt: number
  /** Events a periodic job of the fingerprint brought; known once the minute is closed. */
  jobCount?: number
}

/** An alert has told all events of this minute so far. */
export function tellAll(minute: FingerprintMinute | undefined): void {
  if (minute !== undefined) minute.told = minute.tally.count
}

/** What one open minute of a service holds. */
export interface MinuteBin {
  /** In order of arrival; a map, for a fingerprint may be any text. */
  fingerprints: Map<string, FingerprintMinute>
  series: Partial<Record<SeriesName, Tally>>
  /** Events other than errors and deploys: signs of life, whose absence is silence. */
  lifeCount: number
  durations: DurationSketch
}

export function createMinuteBin(): MinuteBin {
  return { fingerprints: new Map(), series: {}, lifeCount: 0, durations: createQuantileSketch() }
}

/** The service's own series an event counts in. */
export function seriesOf(event: DetectorEvent): SeriesName | undefined {
  switch (event.type) {
    case 'error':
      return 'errors'
    case 'http_request':
      return 'requests'
    case 'signup':
      return 'signups'
    case 'feedback':
      return 'feedback'
    case 'deploy':
    case 'custom':
      return undefined
  }
}

export function addToSeries(bin: MinuteBin, name: SeriesName, event: DetectorEvent): void {
  const tally = bin.series[name]
  if (tally === undefined) bin.series[name] = createTally(event)
  else addToTally(tally, event)
}

export function addToFingerprint(
  bin: MinuteBin,
  fingerprint: string,
  event: DetectorEvent,
): FingerprintMinute {
  let minute = bin.fingerprints.get(fingerprint)
  if (minute === undefined) {
    minute = { tally: createTally(event), halves: [0, 0], told: 0, peekedAt: 0 }
    bin.fingerprints.set(fingerprint, minute)
  } else addToTally(minute.tally, event)
  minute.halves[event.occurredAtMs % 60_000 < 30_000 ? 0 : 1] += 1
  return minute
}

/** The same as plain data. */
export interface SavedBin extends Omit<MinuteBin, 'fingerprints'> {
  fingerprints: [string, FingerprintMinute][]
}

export const saveBin = (bin: MinuteBin): SavedBin => ({
  ...bin,
  fingerprints: [...bin.fingerprints],
})

export const loadBin = (saved: SavedBin): MinuteBin => ({
  ...saved,
  fingerprints: new Map(saved.fingerprints),
})

/** Errors stop because all is well, deploys because nobody deploys; when anything else stops it is silence. */
export const isLife = (event: DetectorEvent): boolean =>
  event.type !== 'error' && event.type !== 'deploy'
