import type { ProcessorContext } from '#/processors/runtime/stage.ts'
import { jsonCodec } from '#/processors/runtime/store.ts'
import type { Tick } from '#/schemas/records.ts'

export interface TickGate {
  /** True once per tick number, in ascending order; a repeated or lower one is ignored. */
  isNew(tick: Tick): boolean
  /** The last tick let through; number 0 before the first. */
  last(): Tick
}

const KEY = 'last'

/** Remembers the last tick in the state of the task. */
export function createTickGate(context: ProcessorContext): TickGate {
  const store = context.openStore<Tick>(
    'ticks',
    jsonCodec(() => ({ number: 0, at: 0 })),
  )
  return {
    isNew(tick) {
      if (tick.number <= (store.get(KEY)?.number ?? 0)) return false
      store.put(KEY, { number: tick.number, at: tick.at })
      return true
    },
    last: () => store.get(KEY) ?? { number: 0, at: 0 },
  }
}
