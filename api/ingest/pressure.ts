import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Pipeline } from '#/api/ports.ts'

export interface PressureOptions {
  clock: Clock
  pipeline: Pipeline
  lagRecordsMax: number
  inFlightBytesMax: number
}

export interface Pressure {
  /** Throws `overloaded` when taking more would only lengthen the queue. Costs nothing on the hot path. */
  check(): void
  /** Bytes handed to the log; call `done` when they are durable or refused. */
  begin(bytes: number): void
  done(bytes: number): void
}

/** How old the last reading of the lag may be. */
const READING_MS = 500

/** Tells callers to come back later while the pipeline behind the door is too far behind, or the log too slow. */
export function createPressure(options: PressureOptions): Pressure {
  const { clock, pipeline } = options
  let inFlightBytes = 0
  let behind: { stage: string; lag: number } | undefined
  let readAtMs = Number.NEGATIVE_INFINITY

  async function readLag(): Promise<void> {
    try {
      const stages = await pipeline.stages()
      const worst = stages.toSorted((a, b) => b.lag - a.lag)[0]
      behind = worst !== undefined && worst.lag > options.lagRecordsMax ? worst : undefined
    } catch {
      // Not knowing the lag is no reason to refuse: the log itself says when it cannot take more.
      behind = undefined
    }
  }

  return {
    check() {
      const nowMs = clock.monotonicMs()
      if (nowMs - readAtMs >= READING_MS) {
        readAtMs = nowMs
        void readLag()
      }
      if (behind !== undefined) throw overloaded(`${behind.stage} is ${behind.lag} records behind.`)
      if (inFlightBytes > options.inFlightBytesMax)
        throw overloaded(`${inFlightBytes} bytes wait for the log.`)
    },
    begin(bytes) {
      inFlightBytes += bytes
    },
    done(bytes) {
      inFlightBytes -= bytes
    },
  }
}

function overloaded(detail: string): FaultlineError {
  return new FaultlineError('overloaded', detail, { remedy: 'Send it again after Retry-After.' })
}
