import type { EventView, Frame, IncidentRow } from '#lib/contract.ts'

const RING_MAX = 4000
const HEARTBEAT_MS = 5000

type Subscriber = (text: string) => void

/** The made-up end of `/api/stream/frames`: a ring of frames, resumable by id. */
export class FrameSource {
  #ring: Frame[] = []
  #next = 1
  readonly #subscribers = new Set<Subscriber>()
  readonly #endings = new Set<() => void>()

  get clients(): number {
    return this.#subscribers.size
  }

  push(
    at: number,
    content: { events: readonly EventView[]; incidents?: readonly IncidentRow[]; count?: number },
  ): void {
    const cells = new Map<string, [number, number, number]>()
    for (const event of content.events) {
      const bucket = Math.floor(event.occurred_at / 10_000) * 10_000
      const key = `${bucket} ${event.severity}`
      const cell = cells.get(key) ?? [bucket, event.severity, 0]
      cell[2] += 1
      cells.set(key, cell)
    }
    const frame: Frame = {
      seq: String(this.#next++),
      at,
      cells: [...cells.values()],
      incidents: content.incidents ?? [],
      events: content.events.slice(0, 50),
      deploys: [],
      count: content.count ?? content.events.length,
    }
    this.#ring = [...this.#ring, frame].slice(-RING_MAX)
    const text = encode(frame)
    for (const send of this.#subscribers) send(text)
  }

  /** Ends every open stream. */
  cut(): void {
    for (const end of this.#endings) end()
  }

  /** Server-sent events from just after `lastId`; unknown ids get a resync first. */
  stream(lastId: string, signal: AbortSignal): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder()
    let stop: (() => void) | undefined
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const send: Subscriber = (text) => {
          controller.enqueue(encoder.encode(text))
        }
        send('event: heartbeat\ndata: {}\n\n')
        const index = this.#ring.findIndex((frame) => frame.seq === lastId)
        if (index >= 0) for (const frame of this.#ring.slice(index + 1)) send(encode(frame))
        else if (lastId !== '') send('event: resync\ndata: {}\n\n')
        this.#subscribers.add(send)
        const timer = setInterval(() => {
          send('event: heartbeat\ndata: {}\n\n')
        }, HEARTBEAT_MS)
        const end = (): void => {
          stop?.()
          // A reader that left has closed it already.
          try {
            controller.close()
          } catch {}
        }
        stop = () => {
          clearInterval(timer)
          this.#subscribers.delete(send)
          this.#endings.delete(end)
        }
        this.#endings.add(end)
        signal.addEventListener('abort', end)
      },
      cancel: () => {
        stop?.()
      },
    })
  }
}

function encode(frame: Frame): string {
  return `id: ${frame.seq}\ndata: ${JSON.stringify(frame)}\n\n`
}
