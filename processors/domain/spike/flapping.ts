/** So many changes in and out of alarm within the window are flapping. */
export const FLAPS = 10
export const FLAP_WINDOW_MS = 600_000

/** The times of the latest flips, and whether flapping was told already. Plain data. */
export interface FlapState {
  flips: number[]
  told: boolean
}

export const createFlapState = (): FlapState => ({ flips: [], told: false })

/** Notes a flip; true exactly once, when the tenth falls within ten minutes. */
export function flip(state: FlapState, atMs: number): boolean {
  state.flips.push(atMs)
  if (state.flips.length > FLAPS) state.flips.shift()
  if (state.told || state.flips.length < FLAPS) return false
  if (atMs - (state.flips[0] as number) > FLAP_WINDOW_MS) return false
  state.told = true
  return true
}
