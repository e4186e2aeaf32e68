import { connect } from 'node:net'
import type { Socket } from 'node:net'

/**
 * A client that costs next to nothing: one request at a time per connection, bytes made ahead, only the ids change.
 * An HTTP library would take as much of the machine as what it measures.
 */
export interface LoadClient {
  /** Sends the next body; resolves with the status. */
  send(): Promise<number>
  readonly events: number
  close(): void
}

export interface LoadTarget {
  url: URL
  key: string
}

const ID_DIGITS = 12
const ID_MARK = 'i'.repeat(ID_DIGITS)
const ERROR_EVERY = 4
const SERVICES = 20

/** 25 % errors of a few kinds, the rest requests; ids are filled in for each sending. */
function eventAt(index: number): object {
  const isError = index % ERROR_EVERY === 0
  const common = {
    event_id: `${ID_MARK}-${index}`,
    service: `service-${index % SERVICES}`,
    release: 'v1.2.3',
    host: `host-${index % 7}`,
    user_id: `user-${(index * 7919) % 1000}`,
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    attributes: { region: 'eu-west-1', attempt: index % 3 },
  }
  return isError
    ? {
        ...common,
        event_type: 'error',
        severity: 'error',
        error_type: `Kind${index % 3}Error`,
        message: `timeout after ${100 + ((index * 31) % 900)} ms calling db-${index % 9}`,
      }
    : {
        ...common,
        event_type: 'http_request',
        route: `/api/route-${index % 10}`,
        method: 'GET',
        status_code: 200,
        duration_ms: 12.5 + (index % 100),
      }
}

function requestOf(target: LoadTarget, batch: number): { bytes: Buffer; ids: number[] } {
  const events = Array.from({ length: batch }, (_, index) => eventAt(index))
  const body = Buffer.from(JSON.stringify(batch === 1 ? events[0] : events))
  const head = Buffer.from(
    `POST /v1/events HTTP/1.1\r\nhost: ${target.url.host}\r\ncontent-type: application/json\r\n` +
      `x-api-key: ${target.key}\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  const bytes = Buffer.concat([head, body])
  const ids: number[] = []
  for (let at = bytes.indexOf(ID_MARK); at >= 0; at = bytes.indexOf(ID_MARK, at + 1)) ids.push(at)
  return { bytes, ids }
}

export async function openLoadClient(
  target: LoadTarget,
  options: { batch: number; nextId: () => number },
): Promise<LoadClient> {
  const { bytes, ids } = requestOf(target, options.batch)
  const host = target.url.hostname === 'localhost' ? '127.0.0.1' : target.url.hostname
  const socket: Socket = connect({ host, port: Number(target.url.port), noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  let waiting: { resolve: (status: number) => void; reject: (error: Error) => void } | undefined
  let received = ''
  socket.on('error', (error) => waiting?.reject(error))
  socket.on('close', () => waiting?.reject(new Error('the connection was closed')))
  socket.setEncoding('latin1').on('data', (part: string) => {
    received += part
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? 0)
    if (received.length < end + 4 + length) return
    const status = Number(received.slice(9, 12))
    received = ''
    waiting?.resolve(status)
  })
  return {
    events: options.batch,
    send() {
      const id = String(options.nextId()).padStart(ID_DIGITS, '0')
      for (const at of ids) bytes.write(id, at, 'latin1')
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(bytes)
      })
    },
    close: () => socket.destroy(),
  }
}
