import { numbersToText, textToNumbers } from './numbers-text.ts'
import type { CountPool } from './count-pool.ts'
import type { Episode } from './episode.ts'
import type { DaysSeen, Sighting } from './novelty.ts'
import { NO_STIRS } from './onset.ts'
import type { Stirs } from './onset.ts'
import type { Tally } from './tally.ts'

/** A fingerprint that is still new: what was seen of it. */
export interface Watch {
  untilMs: number
  /** It was new, was over, and is awaited again. */
  returns: boolean
  sightings: Sighting[]
  tally: Tally
}

/** What detection knows of one fingerprint. Always all fields: deleting one would triple its memory. */
export interface FingerprintState {
  /** Its counts in the pool. */
  slot: number
  firstSeenMs: number
  lastSeenMs: number
  /** Events in all. */
  seenCount: number
  /** Minutes of the excursion under way. */
  stirs: Stirs
  firstRelease: string | undefined
  days: DaysSeen
  watch: Watch | undefined
  episode: Episode | undefined
}

/** A fingerprint unseen for this long is forgotten and would be new again. */
export const FORGET_MS = 30 * 86_400_000

/** The same with its counts as text, for a snapshot. */
export interface SavedFingerprint {
  firstSeenMs: number
  lastSeenMs: number
  seenCount?: number
  stirs?: Stirs
  firstRelease?: string | undefined
  days: DaysSeen
  watch?: Watch | undefined
  episode?: Episode | undefined
  counts: string
}

export class FingerprintTable {
  readonly #states = new Map<string, FingerprintState>()
  readonly #pool: CountPool
  readonly #statesMax: number

  constructor(pool: CountPool, statesMax: number) {
    this.#pool = pool
    this.#statesMax = statesMax
  }

  get size(): number {
    return this.#states.size
  }

  get(fingerprint: string): FingerprintState | undefined {
    return this.#states.get(fingerprint)
  }

  /** A new state; at the bound the tenth of the states that was quiet for longest is forgotten first. */
  add(
    fingerprint: string,
    first: { atMs: number; release?: string; days: DaysSeen },
  ): FingerprintState {
    if (this.#states.size >= this.#statesMax) this.#forgetQuietest()
    const state: FingerprintState = {
      slot: this.#pool.add(),
      firstSeenMs: first.atMs,
      lastSeenMs: first.atMs,
      seenCount: 0,
      stirs: NO_STIRS,
      firstRelease: first.release,
      days: first.days,
      watch: undefined,
      episode: undefined,
    }
    this.#states.set(fingerprint, state)
    return state
  }

  entries(): IterableIterator<[string, FingerprintState]> {
    return this.#states.entries()
  }

  remove(fingerprint: string): void {
    const state = this.#states.get(fingerprint)
    if (state === undefined) return
    this.#pool.remove(state.slot)
    this.#states.delete(fingerprint)
  }

  /** Frees what was kept of fingerprints that are new no longer. */
  endWatches(nowMs: number): void {
    for (const state of this.#states.values()) {
      if (state.watch !== undefined && state.watch.untilMs <= nowMs) state.watch = undefined
    }
  }

  /** Forgets everything unseen since `beforeMs`. */
  forgetBefore(beforeMs: number): void {
    for (const [fingerprint, state] of this.#states) {
      if (state.lastSeenMs < beforeMs && state.episode === undefined) this.remove(fingerprint)
    }
  }

  snapshot(): [string, SavedFingerprint][] {
    return [...this.#states].map(([fingerprint, { slot, ...rest }]) => [
      fingerprint,
      { ...rest, counts: numbersToText(this.#pool.snapshot(slot)) },
    ])
  }

  restore(saved: readonly [string, SavedFingerprint][]): void {
    for (const [fingerprint, { counts, ...rest }] of saved) {
      this.#states.set(fingerprint, {
        slot: this.#pool.restore(textToNumbers(counts)),
        firstSeenMs: rest.firstSeenMs,
        lastSeenMs: rest.lastSeenMs,
        seenCount: rest.seenCount ?? 0,
        stirs: rest.stirs ?? NO_STIRS,
        firstRelease: rest.firstRelease,
        days: rest.days,
        watch: rest.watch,
        episode: rest.episode,
      })
    }
  }

  #forgetQuietest(): void {
    const idle = [...this.#states].filter(([, state]) => state.episode === undefined)
    idle.sort(([a, left], [b, right]) => left.lastSeenMs - right.lastSeenMs || (a < b ? -1 : 1))
    const excess = Math.max(1, Math.ceil(this.#statesMax / 10))
    for (const [fingerprint] of idle.slice(0, excess)) this.remove(fingerprint)
  }
}
