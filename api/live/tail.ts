import type { Clock } from '#/kernel/clock.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import type { Positions, Source } from './positions.ts'

export interface TailOptions {
  log: Log
  clock: Clock
  sources: readonly Source[]
  from: Positions
  /** Called with records in the order of their partition; the next ones wait until it resolves. */
  onRecords(source: number, records: readonly ConsumedRecord[]): Promise<void>
  /** Records were lost to retention before they were read: `from` is where it goes on. */
  onGap(source: number, from: number): void
  onProblem?: ((error: unknown) => void) | undefined
}

export interface Tail {
  /** Whether every source answered a moment ago; a log that is away, or hangs, does not. */
  isReading(): boolean
  stop(): Promise<void>
}

const READ_BYTES_MAX = 1 << 20
const WAIT_MS = 1_000
const RETRY_MS = 500
/** A log that is well answers every second, with nothing if need be. */
const SILENT_MS_MAX = 10_000
/** A pause behind each read, so that a busy log is read in hundreds of records and not one by one. */
const GATHER_MS = 8

/** Follows the end of the log, one loop per source, until stopped. */
export function startTail(options: TailOptions): Tail {
  const stop = new AbortController()
  const { clock } = options
  const answeredMs = options.sources.map(() => clock.monotonicMs())
  const loops = options.sources.map((_, source) =>
    follow(options, source, {
      signal: stop.signal,
      onAnswer() {
        answeredMs[source] = clock.monotonicMs()
      },
    }),
  )
  return {
    isReading: () => clock.monotonicMs() - Math.min(...answeredMs) < SILENT_MS_MAX,
    async stop() {
      stop.abort()
      await Promise.all(loops)
    },
  }
}

async function follow(
  options: TailOptions,
  source: number,
  { signal, onAnswer }: { signal: AbortSignal; onAnswer: () => void },
): Promise<void> {
  const { log, clock } = options
  const tp = options.sources[source]
  if (tp === undefined) return
  let next = options.from[source] ?? 0
  while (!signal.aborted) {
    try {
      const records = await log.read(tp, next, {
        bytesMax: READ_BYTES_MAX,
        waitMs: WAIT_MS,
        signal,
      })
      onAnswer()
      const last = records.at(-1)
      if (last === undefined || signal.aborted) continue
      next = last.offset + 1
      await options.onRecords(source, records)
      await clock.sleep(GATHER_MS, signal)
    } catch (error) {
      if (isFaultlineError(error, 'offset_out_of_range')) {
        next = await log.beginningOffset(tp).catch(() => next)
        options.onGap(source, next)
        continue
      }
      options.onProblem?.(error)
      await clock.sleep(RETRY_MS, signal)
    }
  }
}
