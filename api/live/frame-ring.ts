interface RingFrame {
  seq: string
  at: number
  full: Buffer | undefined
  lean: Buffer
}

/** Frames stay at least this long; a client that comes back later is told to read everything again. */
export const RING_MS = 90_000
/** Whole frames of one project; past it the oldest lose their sample of events. */
const FULL_BYTES_MAX = 8 << 20
/** Frames without samples; past it the oldest go, however young. */
const LEAN_BYTES_MAX = 16 << 20

export interface FrameRing {
  push(frame: { seq: string; at: number; full: Buffer; lean: Buffer }): void
  /** The frames behind `seq`, or undefined when it is not in the ring. */
  after(seq: string): readonly Buffer[] | undefined
  clear(): void
}

/** The last frames of one project, so that a short cut costs no query and no reading of the log. */
export function createFrameRing(): FrameRing {
  /** Undefined before `first`. */
  let frames: (RingFrame | undefined)[] = []
  /** Frames before `first` are gone, frames before `leanFrom` have no sample any more. */
  const state = { first: 0, leanFrom: 0, fullBytes: 0, leanBytes: 0 }

  const dropOldest = (): void => {
    const frame = frames[state.first]
    if (frame === undefined) return
    state.fullBytes -= frame.full?.length ?? 0
    state.leanBytes -= frame.lean.length
    // At once, though the list is cut in bulk: a frame is tens of kilobytes.
    frames[state.first] = undefined
    state.first += 1
    state.leanFrom = Math.max(state.leanFrom, state.first)
  }
  const thinOldest = (): void => {
    const frame = frames[state.leanFrom]
    state.leanFrom += 1
    if (frame?.full === undefined) return
    state.fullBytes -= frame.full.length
    frame.full = undefined
  }
  return {
    push(frame) {
      frames.push(frame)
      state.fullBytes += frame.full.length
      state.leanBytes += frame.lean.length
      while (state.fullBytes > FULL_BYTES_MAX && state.leanFrom < frames.length) thinOldest()
      const isTooOld = (): boolean => (frames[state.first]?.at ?? frame.at) < frame.at - RING_MS
      while (state.leanBytes > LEAN_BYTES_MAX || isTooOld()) dropOldest()
      // Forgetting in bulk keeps this from being quadratic.
      if (state.first < 1_000) return
      frames = frames.slice(state.first)
      state.leanFrom -= state.first
      state.first = 0
    },
    after(seq) {
      const index = frames.findLastIndex((frame) => frame?.seq === seq)
      if (index < state.first) return undefined
      return frames.slice(index + 1).flatMap((frame) => frame?.full ?? frame?.lean ?? [])
    },
    clear() {
      frames = []
      Object.assign(state, { first: 0, leanFrom: 0, fullBytes: 0, leanBytes: 0 })
    },
  }
}
