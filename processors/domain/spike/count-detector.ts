import { CountPool } from './count-pool.ts'
import type { CountExplanation, CountOptions } from './count-explanation.ts'

/** Nats at which a count is an alert: about one false alert per 100 key-days. */
export const COUNT_THRESHOLD = 12.5
/** For the new version in the 30 minutes after its deploy: about one per 10 key-days, but there is a suspect. */
export const COUNT_THRESHOLD_AFTER_DEPLOY = 8

/** The detector of one key. Services with many keys share a `CountPool` instead. */
export interface CountDetector {
  /**
   * Closes `minute` (minutes since the epoch, or any index that goes up) with `count` events; minutes left out
   * had none. `exposure` is the share of the minute observed, or the requests where the rate is per request.
   * Returns the evidence against chance in nats; 12.5 is an alert.
   */
  update(count: number, minute: number, exposure?: number): number
  /** The excursion under way, or undefined. */
  explain(): CountExplanation | undefined
  /** The whole state as numbers; they survive JSON exactly. */
  snapshot(): number[]
}

export function createCountDetector(options: CountOptions = {}): CountDetector {
  const pool = new CountPool(options)
  return detectorOn(pool, pool.add())
}

/** Continues where the detector that gave these numbers stood. */
export function restoreCountDetector(
  numbers: readonly number[],
  options: CountOptions = {},
): CountDetector {
  const pool = new CountPool(options)
  return detectorOn(pool, pool.restore(numbers))
}

function detectorOn(pool: CountPool, slot: number): CountDetector {
  return {
    update: (count, minute, exposure) => pool.update(slot, count, minute, exposure),
    explain: () => pool.explain(slot),
    snapshot: () => pool.snapshot(slot),
  }
}
