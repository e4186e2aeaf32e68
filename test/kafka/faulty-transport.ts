import type { BrokerConnection, Transport, WireRequest } from '#/processors/log/kafka/transport.ts'
import { TransportError } from '#/processors/log/kafka/transport.ts'

/** What becomes of one request. */
export interface Faults {
  /** Awaited before a request goes out; a rejection means it never does. */
  before?(request: WireRequest): Promise<void>
  /** When it gives a promise the request counts as lost, and goes out once that resolves. */
  late?(request: WireRequest): Promise<void> | undefined
  /** An answer in place of the broker's, which never sees the request. */
  instead?(request: WireRequest): Buffer | undefined
  /** Awaited before an answer is handed on; a rejection means it is lost. */
  after?(request: WireRequest): Promise<void>
}

/** Connections of `inner` with faults between them and the log. */
export function faultyTransport(inner: Transport, faults: Faults): Transport {
  return {
    connect: async (address) => {
      const connection = await inner.connect(address)
      const faulty: BrokerConnection = {
        versions: connection.versions,
        isOpen: () => connection.isOpen(),
        send: async (request) => {
          await faults.before?.(request)
          const late = faults.late?.(request)
          if (late !== undefined) {
            void late.then(() => connection.send(request)).catch(() => undefined)
            throw lost(request)
          }
          const instead = faults.instead?.(request)
          if (instead !== undefined) return instead
          const answer = await connection.send(request)
          await faults.after?.(request)
          return answer
        },
        close: () => connection.close(),
      }
      return faulty
    },
  }
}

export function lost(request: WireRequest): TransportError {
  return new TransportError(`${request.apiName}: the answer was lost on purpose`)
}

/**
 * A process that can be stopped as SIGSTOP stops it: nothing goes out and nothing comes in until it goes on, also
 * no heartbeat.
 */
export class Freezer implements Faults {
  #frozen: Promise<void> | undefined
  #thaw: () => void = () => undefined
  #trap: { apiName: string; place: 'before' | 'after' } | undefined
  #caught: () => void = () => undefined

  /** Freezes at the next request of that kind; resolves when it happened. */
  freezeAt(apiName: string, place: 'before' | 'after'): Promise<void> {
    this.#trap = { apiName, place }
    return new Promise((resolve) => (this.#caught = resolve))
  }

  thaw(): void {
    this.#frozen = undefined
    this.#thaw()
  }

  before(request: WireRequest): Promise<void> {
    return this.#pass(request, 'before')
  }

  after(request: WireRequest): Promise<void> {
    return this.#pass(request, 'after')
  }

  async #pass({ apiName }: WireRequest, place: 'before' | 'after'): Promise<void> {
    if (this.#trap?.apiName === apiName && this.#trap.place === place) {
      this.#trap = undefined
      this.#frozen = new Promise((resolve) => (this.#thaw = resolve))
      this.#caught()
    }
    await this.#frozen
  }
}
