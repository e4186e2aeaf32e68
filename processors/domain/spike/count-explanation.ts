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

/** "42 errors in 5 min, 3.1 expected; 16,000 to 1 against chance". `noun` is what is counted, in the plural. */
export function countSentence(explanation: CountExplanation, noun: string): string {
  const { observed, expected, windowMin, score } = explanation
  return `${Math.round(observed)} ${noun} in ${Math.round(windowMin)} min, ${formatExpected(expected)} expected; ${odds(score)} to 1 against chance`
}

const SCALES = [
  [1e12, ' trillion'],
  [1e9, ' billion'],
  [1e6, ' million'],
] as const
/** Past this nobody reads a number as a number. */
const ODDS_MAX = 1e15

/** e to the power of `nats` in words, two digits of it: 8,100 or 10 billion. */
function odds(nats: number): string {
  const value = Math.exp(nats)
  if (value >= ODDS_MAX) return 'more than 1,000 trillion'
  const [scale, name] = SCALES.find(([size]) => value >= size) ?? [1, '']
  return `${Number((value / scale).toPrecision(2)).toLocaleString('en')}${name}`
}

/** Few digits: 0.04, 3.1, 120. */
export function formatExpected(value: number): string {
  if (value >= 100) return String(Math.round(value))
  if (value >= 1) return String(Math.round(value * 10) / 10)
  return String(Math.round(value * 100) / 100)
}
