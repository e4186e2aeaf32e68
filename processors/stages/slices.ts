import { FaultlineError } from '#/kernel/errors.ts'
import type { ProcessorContext } from '#/processors/runtime/stage.ts'
import { jsonCodec } from '#/processors/runtime/store.ts'
import type { Store } from '#/processors/runtime/store.ts'

/** A detection that waits for its slice to be complete. */
export interface Waiting {
  slice: number
  project: string
  kind: string
  at: number
  detail: string
  /** Of the command, where it is a decision of a person. */
  commandId?: string
}

/** A tick all sources have passed. */
export interface ClosedSlice {
  number: number
  /** Wall clock of the tick. */
  at: number
  /** Everything of this and earlier slices, in order of arrival. */
  items: readonly Waiting[]
}

/**
 * Brings together what several partitions wrote between two ticks. A slice closes when every source partition has
 * sent a marker at or past its number; until then its detections wait here. So what is applied when does not depend
 * on which partition was read first.
 */
export interface Slices {
  /** Returns whether its slice had closed before: then it is part of the next one that closes. */
  add(item: Waiting): { isLate: boolean }
  /** Returns the slices this marker closes, in order. */
  mark(source: number, tick: { number: number; at: number }): readonly ClosedSlice[]
}

/** Detections that may wait for a source that does not come. Past it the stage stops and says which. */
export const WAITING_MAX = 100_000

interface SliceState {
  /** Last marker of each source partition, by its number. */
  markers: Record<string, number>
  /** Ticks some source has passed and others not yet: number, wall clock. */
  open: [number, number][]
  closed: number
}

const KEY = 'slices'

export function createSlices(context: ProcessorContext, sourceCount: number): Slices {
  const states = context.openStore<SliceState>(
    'slices',
    jsonCodec(() => ({ markers: {}, open: [], closed: 0 })),
  )
  const waiting = context.openStore<Waiting[]>(
    'waiting',
    jsonCodec(() => []),
  )
  return {
    add(item) {
      const items = waiting.take(KEY)
      if (items.length >= WAITING_MAX) throw tooMany(states, sourceCount)
      items.push(item)
      return { isLate: item.slice <= (states.get(KEY)?.closed ?? 0) }
    },
    mark(source, { number, at }) {
      const state = states.take(KEY)
      if (number <= (state.markers[source] ?? 0)) return []
      state.markers[source] = number
      if (number > state.closed && !state.open.some(([open]) => open === number)) {
        state.open.push([number, at])
        state.open.sort(([a], [b]) => a - b)
      }
      const passed = lowestMarker(state, sourceCount)
      const closing = state.open.filter(([open]) => open <= passed)
      if (closing.length === 0) return []
      state.open = state.open.filter(([open]) => open > passed)
      state.closed = passed
      return closing.map(([closed, closedAt]) => ({
        number: closed,
        at: closedAt,
        items: takeUpTo(waiting, closed),
      }))
    },
  }
}

function takeUpTo(waiting: Store<Waiting[]>, slice: number): Waiting[] {
  const items = waiting.get(KEY)
  if (items === undefined || items.length === 0) return []
  const due = items.filter((item) => item.slice <= slice)
  if (due.length > 0)
    waiting.put(
      KEY,
      items.filter((item) => item.slice > slice),
    )
  return due
}

function lowestMarker({ markers }: Pick<SliceState, 'markers'>, sourceCount: number): number {
  let lowest = Infinity
  for (let source = 0; source < sourceCount; source += 1)
    lowest = Math.min(lowest, markers[source] ?? 0)
  return lowest
}

function tooMany(states: Store<SliceState>, sourceCount: number): FaultlineError {
  const markers = states.get(KEY)?.markers ?? {}
  const lowest = lowestMarker({ markers }, sourceCount)
  const late = Array.from({ length: sourceCount }, (_, source) => source).filter(
    (source) => (markers[source] ?? 0) === lowest,
  )
  return new FaultlineError(
    'overloaded',
    `${WAITING_MAX} detections wait for source partition ${late.join(', ')}, which stopped at tick ${lowest}`,
    { remedy: 'Look at the detect stage: one of its partitions does not advance.' },
  )
}
