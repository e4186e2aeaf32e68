import { isIP } from 'node:net'
import { apiVersionsV3, Connection, Writer } from '@platformatic/kafka'
import type { ConnectionOptions } from '@platformatic/kafka'
import { messageOf } from '#/kernel/errors.ts'
import type { KafkaLogOptions } from './options.ts'
import { CONNECT_MS_MAX, REQUEST_MS_MAX, TransportError } from './transport.ts'
import type { BrokerAddress, BrokerConnection, Transport, WireRequest } from './transport.ts'

const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const

/** Longest wait of the broker in one request (a JoinGroup), on top of which comes REQUEST_MS_MAX. */
const WAIT_MS_MAX = 120_000

/** Connections of @platformatic/kafka. */
export function createPlatformaticTransport(options: KafkaLogOptions): Transport {
  const { tls, sasl, clientId } = options
  const connectionOptions: ConnectionOptions = {
    connectTimeout: CONNECT_MS_MAX,
    requestTimeout: REQUEST_MS_MAX + WAIT_MS_MAX,
    maxInflights: 64,
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined
      ? {}
      : {
          sasl: {
            mechanism: MECHANISMS[sasl.mechanism],
            username: sasl.username,
            password: sasl.password,
          },
        }),
  }
  return { connect: (address) => connect(clientId, connectionOptions, address) }
}

async function connect(
  clientId: string,
  options: ConnectionOptions,
  { host, port }: BrokerAddress,
): Promise<BrokerConnection> {
  // A certificate is checked against the name; an address is no name to ask for.
  const named = options.tls !== undefined && isIP(host) === 0
  const connection = new Connection(clientId, named ? { ...options, tlsServerName: host } : options)
  // Without a listener an error of the socket would end the process; requests in flight carry it anyway.
  connection.on('error', () => undefined)
  try {
    await connection.connect(host, port)
    const { apiKeys } = await apiVersionsV3.api.async(connection, 'faultline', '1')
    const versions = new Map(apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]))
    return wrap(connection, versions)
  } catch (error) {
    void connection.close()
    throw failed(error, `${host}:${port}`)
  }
}

function wrap(connection: Connection, versions: ReadonlyMap<number, number>): BrokerConnection {
  return {
    versions,
    isOpen: () => connection.isConnected(),
    send: (request) => send(connection, request),
    close: async () => connection.close(),
  }
}

function send(connection: Connection, request: WireRequest): Promise<Buffer> {
  const { apiKey, apiVersion, isFlexible, body, waitMs } = request
  return new Promise((resolve, reject) => {
    // The library's own limit is one for all requests; this one knows what the request waits for.
    const timer = setTimeout(() => {
      reject(new TransportError(`${request.apiName}: no answer in ${waitMs + REQUEST_MS_MAX} ms`))
      void connection.close()
    }, waitMs + REQUEST_MS_MAX)
    connection.send<Buffer>(
      apiKey,
      apiVersion,
      () => Writer.create().append(body),
      (_correlationId, _apiKey, _apiVersion, reader) => reader.buffer.buffer,
      isFlexible,
      isFlexible,
      (error, response) => {
        clearTimeout(timer)
        if (error !== null || response === undefined) reject(failed(error, request.apiName))
        else resolve(response)
      },
    )
  })
}

function failed(error: unknown, what: string): TransportError {
  const cause =
    error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error)
  const name = error instanceof Error ? error.name : ''
  const isFinal = name === 'AuthenticationError' || name === 'UserError'
  return new TransportError(`${what}: ${cause}`, { cause: error, isFinal })
}
