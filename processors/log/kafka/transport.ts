/**
 * What a client library does for us: a connection with TLS, SASL and the framing of requests. The requests are
 * ours (api-*.ts), so that both libraries speak the same versions with the same meaning.
 */
export interface Transport {
  /** Connects, authenticates and asks for the versions. Fails with TransportError. */
  connect(address: BrokerAddress): Promise<BrokerConnection>
}

export interface BrokerAddress {
  host: string
  port: number
}

export interface WireRequest {
  apiKey: number
  apiName: string
  apiVersion: number
  isFlexible: boolean
  body: Buffer
  /** How long the broker may take, beyond the usual. */
  waitMs: number
}

export interface BrokerConnection {
  /** The newest version of each API that the broker knows. */
  readonly versions: ReadonlyMap<number, number>
  isOpen(): boolean
  /** The body of the response. Requests are answered in order. Fails with TransportError. */
  send(request: WireRequest): Promise<Buffer>
  close(): Promise<void>
}

/** No answer: whether the request took effect is unknown. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  /** Trying again will not help: credentials, certificates. */
  readonly isFinal: boolean

  constructor(detail: string, options: { cause?: unknown; isFinal?: boolean } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.isFinal = options.isFinal ?? false
  }
}

/** Beyond this without an answer a connection counts as dead. */
export const REQUEST_MS_MAX = 10_000
export const CONNECT_MS_MAX = 5000
