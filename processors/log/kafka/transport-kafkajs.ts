import { createRequire } from 'node:module'
import { messageOf } from '#/kernel/errors.ts'
import type { KafkaLogOptions, SaslOptions, TlsOptions } from './options.ts'
import { CONNECT_MS_MAX, REQUEST_MS_MAX, TransportError } from './transport.ts'
import type { BrokerAddress, BrokerConnection, Transport, WireRequest } from './transport.ts'

/**
 * kafkajs without its consumer and producer, whose rebalances lose commits (kafkajs issues 28, 558, 1046) and
 * whose commits drop metadata: only its connection, authentication and request queue. Those have no types and are
 * not part of its documented surface; the version is pinned.
 */
interface KafkajsInternals {
  Broker: new (options: {
    connectionPool: KafkajsPool
    logger: KafkajsLogger
    authenticationTimeout: number
    allowAutoTopicCreation: boolean
  }) => KafkajsBroker
  ConnectionPool: new (options: KafkajsPoolOptions) => KafkajsPool
  Encoder: new (size: number) => KafkajsEncoder
  createSocketFactory: () => unknown
}

interface KafkajsBroker {
  versions: Record<string, { maxVersion: number }> | null
  connect(): Promise<void>
}

interface KafkajsQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

interface KafkajsPool {
  readonly pool: readonly { requestQueue: KafkajsQueue }[]
  getConnection(index: number): Promise<KafkajsConnection>
  destroy(): Promise<void>
}

interface KafkajsConnection {
  isConnected(): boolean
  rejectRequests(error: Error): void
  send(message: {
    request: {
      apiKey: number
      apiName: string
      apiVersion: number
      encode(): Promise<KafkajsEncoder>
    }
    response: { decode(raw: Buffer): Promise<Buffer>; parse(body: Buffer): Promise<Buffer> }
    requestTimeout: number
    logResponseError: boolean
  }): Promise<Buffer>
}

interface KafkajsPoolOptions extends BrokerAddress {
  clientId: string
  ssl: TlsOptions | null
  sasl: SaslOptions | null
  logger: KafkajsLogger
  socketFactory: unknown
  connectionTimeout: number
  requestTimeout: number
  enforceRequestTimeout: boolean
  maxInFlightRequests: null
}

interface KafkajsEncoder {
  writeInt8(value: number): KafkajsEncoder
  writeBuffer(value: Buffer): KafkajsEncoder
}

interface KafkajsLogger {
  namespace(): KafkajsLogger
  debug(): void
  info(): void
  warn(): void
  error(): void
}

/** It reports in words what its rejections say anyway. */
const SILENT: KafkajsLogger = {
  namespace: () => SILENT,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

function loadInternals(): KafkajsInternals {
  const load = createRequire(import.meta.url)
  return {
    Broker: load('kafkajs/src/broker') as KafkajsInternals['Broker'],
    ConnectionPool: load(
      'kafkajs/src/network/connectionPool',
    ) as KafkajsInternals['ConnectionPool'],
    Encoder: load('kafkajs/src/protocol/encoder') as KafkajsInternals['Encoder'],
    createSocketFactory: load(
      'kafkajs/src/network/socketFactory',
    ) as KafkajsInternals['createSocketFactory'],
  }
}

/** Connections of kafkajs. */
export function createKafkajsTransport(options: KafkaLogOptions): Transport {
  const internals = loadInternals()
  return { connect: (address) => connect(internals, options, address) }
}

async function connect(
  internals: KafkajsInternals,
  { clientId, tls, sasl }: KafkaLogOptions,
  address: BrokerAddress,
): Promise<BrokerConnection> {
  const pool = new internals.ConnectionPool({
    ...address,
    clientId,
    ssl: tls ?? null,
    // It keeps its authenticator in here, so each connection gets a copy.
    sasl: sasl === undefined ? null : { ...sasl },
    logger: SILENT,
    socketFactory: internals.createSocketFactory(),
    connectionTimeout: CONNECT_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    enforceRequestTimeout: true,
    maxInFlightRequests: null,
  })
  for (const { requestQueue } of pool.pool) quieten(requestQueue)
  const broker = new internals.Broker({
    connectionPool: pool,
    logger: SILENT,
    authenticationTimeout: REQUEST_MS_MAX,
    allowAutoTopicCreation: false,
  })
  try {
    await broker.connect()
    const connection = await pool.getConnection(0)
    const versions = Object.entries(broker.versions ?? {}).map(
      ([apiKey, { maxVersion }]) => [Number(apiKey), maxVersion] as const,
    )
    return wrap(internals, { pool, connection }, new Map(versions))
  } catch (error) {
    void pool.destroy()
    throw failed(error, `${address.host}:${address.port}`)
  }
}

/**
 * After each answer the queue looks every millisecond, for ever, whether throttled requests may go, with a negative
 * time that Node warns of (TimeoutNegativeWarning). It only needs to when there are some.
 */
function quieten(queue: KafkajsQueue): void {
  const schedule = queue.scheduleCheckPendingRequests.bind(queue)
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length > 0) schedule()
  }
}

function wrap(
  internals: KafkajsInternals,
  { pool, connection }: { pool: KafkajsPool; connection: KafkajsConnection },
  versions: ReadonlyMap<number, number>,
): BrokerConnection {
  const close = async (): Promise<void> => {
    // Otherwise it waits for what is in flight, a long poll for example.
    connection.rejectRequests(new Error('the connection is closed'))
    await pool.destroy()
  }
  return {
    versions,
    isOpen: () => connection.isConnected(),
    send: async (request) => {
      try {
        return await connection.send(frame(internals, request))
      } catch (error) {
        // An answer that comes late would be taken for nothing; a new connection is simpler to reason about.
        if (connection.isConnected()) void close()
        throw failed(error, request.apiName)
      }
    },
    close,
  }
}

function frame(
  { Encoder }: KafkajsInternals,
  { apiKey, apiName, apiVersion, isFlexible, body, waitMs }: WireRequest,
): Parameters<KafkajsConnection['send']>[0] {
  return {
    request: {
      apiKey,
      apiName,
      apiVersion,
      encode: async () => {
        const encoder = new Encoder(body.length + 1)
        // It knows only the old header; the tagged fields of the new one are one byte before the body.
        if (isFlexible) encoder.writeInt8(0)
        return encoder.writeBuffer(body)
      },
    },
    response: {
      decode: async (raw) => (isFlexible ? raw.subarray(1) : raw),
      parse: async (response) => response,
    },
    requestTimeout: waitMs + REQUEST_MS_MAX,
    logResponseError: false,
  }
}

function failed(error: unknown, what: string): TransportError {
  const name = error instanceof Error ? error.name : ''
  const isFinal = name === 'KafkaJSSASLAuthenticationError'
  return new TransportError(`${what}: ${messageOf(error)}`, { cause: error, isFinal })
}
