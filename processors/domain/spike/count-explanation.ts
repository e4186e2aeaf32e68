export type CountDirection = 'spike' | 'drop'

export interface CountOptions {
  /** `drop` looks for counts below their baseline; then quiet minutes must be told too. Default `spike`. */
  direction?: CountDirection
}

export interface CountExplanation {
  observed: number
  expected: number
  windowMin: number
  /** Nats. */
  score: number
  direction: CountDirection
}

/** "42 errors in 5 min, 3.1 expected; e^9 to 1 against chance". `noun` is what is counted, in the plural. */
export function countSentence(explanation: CountExplanation, noun: string): string {
  const { observed, expected, windowMin, score } = explanation
  return `${Math.round(observed)} ${noun} in ${Math.round(windowMin)} min, ${formatExpected(expected)} expected; e^${Math.floor(score)} to 1 against chance`
}

/** Few digits: 0.04, 3.1, 120. */
export function formatExpected(value: number): string {
  if (value >= 100) return String(Math.round(value))
  if (value >= 1) return String(Math.round(value * 10) / 10)
  return String(Math.round(value * 100) / 100)
}
