import type { Socket } from 'node:net'
import { systemErrorCode } from '#/kernel/errors.ts'
import type { FrontContext } from './api.ts'
import { API_VERSIONS_KEY, APIS } from './api-table.ts'
import { answerApiVersions } from './api-versions.ts'
import { FrameError } from './frame-error.ts'
import type { FrameBudget } from './frames.ts'
import { readFrames } from './frames.ts'
import { KAFKA } from './kafka-errors.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const API_OF = new Map(APIS.map((api) => [api.key, api]))

const GONE: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
])

export interface ConnectionDeps {
  context: FrontContext
  budget: FrameBudget
  signal: AbortSignal
  /** Told once per connection that is closed for its bytes. */
  onRefused: (detail: string) => void
}

/**
 * Serves one client until it goes. One request after the other, as Kafka does: what the client sends meanwhile waits
 * in the socket, so that nobody can make us hold more than one of its requests.
 */
export async function serveConnection(socket: Socket, deps: ConnectionDeps): Promise<void> {
  const { context, budget } = deps
  try {
    for await (const frame of readFrames(socket, budget)) {
      const answer = await answerFrame(frame, socket, deps)
      if (answer === undefined) continue
      const { buffers } = answer.take()
      socket.cork()
      let hasRoom = true
      for (const buffer of buffers) hasRoom = socket.write(buffer)
      socket.uncork()
      if (!hasRoom) await drained(socket)
    }
  } catch (error) {
    if (error instanceof FrameError) deps.onRefused(error.message)
    else if (!isVanished(error) && !deps.signal.aborted) context.onProblem(error)
  } finally {
    socket.destroy()
  }
}

/** Clients that vanish are no problem of ours. */
function isVanished(error: unknown): boolean {
  return GONE.has(systemErrorCode(error) ?? '')
}

async function drained(socket: Socket): Promise<void> {
  if (socket.destroyed || !socket.writableNeedDrain) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}

/** undefined when the protocol wants no answer. */
async function answerFrame(
  frame: Buffer,
  socket: Socket,
  { context, signal }: ConnectionDeps,
): Promise<WireWriter | undefined> {
  const body = new WireReader(frame)
  const key = body.int16()
  const version = body.int16()
  const correlationId = body.int32()
  const clientId = body.nullableString() ?? ''
  const api = API_OF.get(key)
  const answer = new WireWriter().int32(correlationId)
  const isKnown = api !== undefined && version >= api.versions[0] && version <= api.versions[1]
  if (isKnown) {
    const request = {
      version,
      clientId,
      host: socket.remoteAddress ?? '',
      address: { host: socket.localAddress ?? '127.0.0.1', port: socket.localPort ?? 0 },
      body,
      signal,
    }
    const outcome = await api.handle(context, request, answer)
    return outcome === 'silent' ? undefined : framed(answer)
  }
  if (key !== API_VERSIONS_KEY) {
    const what = api === undefined ? `API ${key}` : `${api.name} version ${version}`
    throw new FrameError(`${what} is not served; clients learn what is from ApiVersions`)
  }
  answerApiVersions(APIS, { version: 0, code: KAFKA.UNSUPPORTED_VERSION }, answer)
  return framed(answer)
}

function framed(answer: WireWriter): WireWriter {
  const { buffers, bytes } = answer.take()
  const whole = new WireWriter().int32(bytes)
  whole.append(buffers)
  return whole
}
