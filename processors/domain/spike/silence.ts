import { COUNT_THRESHOLD } from './count-detector.ts'

/** Shorter silences are the grace of agents and batches. */
export const SILENCE_MIN = 3
/** A service must have been heard for a day before its silence means anything. */
export const SILENCE_AGE_MIN = 1440

export interface Silence {
  silentMin: number
  /** Events expected in the silent minutes together. */
  expected: number
  /** α of the variance λ + α·λ² of a minute. */
  dispersion: number
  ageMin: number
}

/** Evidence in nats that this silence is no chance: the negative binomial's chance of zero in every minute. */
export function silenceNats(silence: Silence): number {
  if (silence.silentMin <= 0) return 0
  const perMinute = silence.expected / silence.silentMin
  return (silence.silentMin * Math.log1p(silence.dispersion * perMinute)) / silence.dispersion
}

/** Whether a service that always speaks has stopped. */
export function isSilence(silence: Silence): boolean {
  return (
    silence.silentMin >= SILENCE_MIN &&
    silence.ageMin >= SILENCE_AGE_MIN &&
    silenceNats(silence) >= COUNT_THRESHOLD
  )
}
