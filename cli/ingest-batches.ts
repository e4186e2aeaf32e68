import type { Clock } from '#/kernel/clock.ts'
import type { SendResult } from './sender.ts'

// A request stays well under the door's limit for bodies.
const BATCH_BYTES_MAX = 4 << 20
/** A batch that nothing came to for so long is sent as it is: `tail -f` has no end to wait for. */
const QUIET_MS = 1_000

export interface Batches {
  readonly accepted: number
  readonly rejected: number
  /** Every line up to this one was sent, or is told as wrong. */
  readonly sentTo: number
  /** `line` is the last one that belongs to the event. */
  add(event: unknown, line: number, bytes: number): Promise<void>
  /** A line that gives no event. */
  refuse(line: number, text: string): void
  /** Sends what waits; one request at a time, in order. */
  flush(): Promise<void>
}

export interface BatchesOptions {
  send: (events: readonly unknown[]) => Promise<SendResult>
  /** Told of each line that is refused. */
  onRefused: (line: number, text: string) => void
  batchMax: number
}

/** Sends events in batches and keeps count of what came back. */
export function createBatches({ send, onRefused, batchMax }: BatchesOptions): Batches {
  let batch: unknown[] = []
  let lines: number[] = []
  let bytes = 0
  let sending: Promise<void> = Promise.resolve()
  const totals = { accepted: 0, rejected: 0, sentTo: 0 }
  const refuse = (line: number, text: string): void => {
    totals.rejected += 1
    onRefused(line, text)
  }
  const sendBatch = async (events: readonly unknown[], numbers: readonly number[]) => {
    const answer = await send(events)
    totals.accepted += answer.accepted
    totals.sentTo = numbers.at(-1) ?? totals.sentTo
    for (const { index, message } of answer.rejected) refuse(numbers[index] ?? 0, message)
  }
  const flush = async (): Promise<void> => {
    if (batch.length > 0) {
      const [events, numbers] = [batch, lines]
      batch = []
      lines = []
      bytes = 0
      // After a failure nothing more is sent: what follows would be out of order, and `sentTo` a lie.
      sending = sending.then(() => sendBatch(events, numbers))
    }
    return sending
  }
  return {
    get accepted() {
      return totals.accepted
    },
    get rejected() {
      return totals.rejected
    },
    get sentTo() {
      return totals.sentTo
    },
    refuse,
    flush,
    async add(event, line, size) {
      batch.push(event)
      lines.push(line)
      bytes += size
      if (batch.length >= batchMax || bytes >= BATCH_BYTES_MAX) await flush()
    },
  }
}

/** Calls `onQuiet` when nothing has come for a while, once until something comes again; ends with the signal. */
export async function watchQuiet(options: {
  clock: Clock
  signal: AbortSignal
  /** How much has come so far. */
  count: () => number
  onQuiet: () => Promise<void>
}): Promise<void> {
  const { clock, signal, count, onQuiet } = options
  let [seen, told] = [count(), count()]
  for (;;) {
    await clock.sleep(QUIET_MS, signal)
    if (signal.aborted) return
    const now = count()
    if (now === seen && now !== told) {
      told = now
      await onQuiet()
    }
    seen = now
  }
}
