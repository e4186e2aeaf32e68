import type { Clock } from '#/kernel/clock.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { IncidentRow } from '#/schemas/view.ts'
import type { EventPrefix } from './event-prefix.ts'
import { createFrameDraft } from './frame-draft.ts'
import type { FrameDraft, FrameViews } from './frame-draft.ts'
import { createFrameRing } from './frame-ring.ts'
import type { LiveClient } from './live-client.ts'
import { encodePositions } from './positions.ts'
import type { Positions } from './positions.ts'
import { sse } from './sink.ts'

/** Coalescing step: at most thirty frames a second, which is also what screens can show. */
const FRAME_MS = 33

export interface FrameFeedOptions {
  clock: Clock
  metrics: Metrics
  views: FrameViews
  /** The id of everything dispatched so far. */
  seq(): string
  onProblem?: ((error: unknown) => void) | undefined
}

/** Frames of one project: collected, encoded once, sent to everyone. */
export interface FrameFeed {
  add(prefix: EventPrefix, record: Buffer): void
  addIncident(row: IncidentRow): void
  /** Sends what was collected; called by itself at once after a quiet while, then every FRAME_MS. */
  flush(): void
  join(client: LiveClient): void
  leave(client: LiveClient): void
  clients(): ReadonlySet<LiveClient>
  /** The frames behind this id, if they are still here. */
  after(seq: string): readonly Buffer[] | undefined
  /** A frame collected for one client, with the id of where it ends. */
  encode(draft: FrameDraft, end: Positions): Buffer
}

export function createFrameFeed(options: FrameFeedOptions): FrameFeed {
  const { clock, metrics } = options
  const clients = new Set<LiveClient>()
  const ring = createFrameRing()
  let draft = createFrameDraft()
  let lastFlushMs = Number.NEGATIVE_INFINITY
  let isScheduled = false

  const flush = (): void => {
    if (draft.isEmpty()) return
    lastFlushMs = clock.monotonicMs()
    const at = clock.nowMs()
    const seq = options.seq()
    const texts = draft.finish(seq, at, options.views)
    draft = createFrameDraft()
    const full = sse({ id: seq, data: texts.full })
    ring.push({ seq, at, full, lean: sse({ id: seq, data: texts.lean }) })
    for (const client of clients) client.send(full)
    metrics.add('faultline_stream_messages_total', clients.size, { type: 'frame' })
  }
  const flushLater = async (delayMs: number): Promise<void> => {
    isScheduled = true
    await clock.sleep(delayMs)
    isScheduled = false
    try {
      flush()
    } catch (error) {
      // A record that cannot be read must not stop the stream: the next frame begins empty.
      draft = createFrameDraft()
      options.onProblem?.(error)
    }
  }
  /** Not at once but in the same turn's end, so that all records of one read share a frame. */
  const schedule = (): void => {
    if (isScheduled) return
    const waitMs = lastFlushMs + FRAME_MS - clock.monotonicMs()
    void flushLater(Math.max(0, waitMs))
  }
  return {
    add(prefix, record) {
      draft.add(prefix, record)
      schedule()
    },
    addIncident(row) {
      draft.addIncident(row)
      schedule()
    },
    flush,
    join: (client) => void clients.add(client),
    leave: (client) => void clients.delete(client),
    clients: () => clients,
    after: (seq) => ring.after(seq),
    encode: (own, end) => {
      const seq = encodePositions(end)
      return sse({ id: seq, data: own.finish(seq, clock.nowMs(), options.views).full })
    },
  }
}
