/** An error of this page as an envelope, which is what the platform's own door for browsers takes. */

export interface ClientError {
  type: string
  message: string
  frames: ClientFrame[]
}

export interface ClientFrame {
  function: string
  filename: string
  lineno: number
  colno: number
  in_app: boolean
}

export interface Surroundings {
  origin: string
  /** The address without its query, which may hold what somebody looked for. */
  url: string
  /** `/incidents/[id]`, so that pages of one kind are one. */
  route: string
  agent: string
  nowMs: number
  id: string
}

const FRAMES_MAX = 50
const TEXT_CHARS_MAX = 2_000

/** Null for what is no fault of ours: other scripts' errors, extensions', and requests that were given up. */
export function clientError(thrown: unknown, origin: string): ClientError | null {
  if (thrown === null || thrown === undefined) return null
  if (!(thrown instanceof Error))
    return { type: 'Thrown', message: textOf(thrown).slice(0, TEXT_CHARS_MAX), frames: [] }
  const stack = thrown.stack ?? ''
  const isForeign = stack.includes('://') && !stack.includes(origin)
  if (thrown.name === 'AbortError' || isForeign) return null
  return {
    type: thrown.name,
    message: thrown.message.slice(0, TEXT_CHARS_MAX),
    frames: framesOf(stack, origin),
  }
}

/** Anything may be thrown. */
function textOf(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? typeof thrown)
}

/** `    at name (url:1:2)` of V8, `name@url:1:2` of the others. The oldest call comes first, as Sentry has it. */
function framesOf(stack: string, origin: string): ClientFrame[] {
  const frames: ClientFrame[] = []
  for (const line of stack.split('\n').slice(0, FRAMES_MAX)) {
    const place = /(\S+):(\d+):(\d+)\)?$/.exec(line.trim())
    if (place === null) continue
    const [, before = '', row = '0', column = '0'] = place
    const filename = before.slice(Math.max(before.indexOf('('), before.indexOf('@')) + 1)
    const name = /^at (?:async )?(.+?) \(/.exec(line.trim())?.[1] ?? /^([^@\s]+)@/.exec(line)?.[1]
    frames.push({
      function: name ?? '?',
      filename,
      lineno: Number(row),
      colno: Number(column),
      in_app: filename.startsWith(origin),
    })
  }
  return frames.toReversed()
}

export function envelopeOf(error: ClientError, around: Surroundings): string {
  const event = {
    event_id: around.id,
    timestamp: around.nowMs / 1000,
    platform: 'javascript',
    level: 'error',
    transaction: around.route,
    tags: { service: 'dashboard' },
    request: { url: around.url, headers: { 'User-Agent': around.agent } },
    exception: {
      values: [
        {
          type: error.type,
          value: error.message,
          mechanism: { type: 'window', handled: false },
          stacktrace: { frames: error.frames },
        },
      ],
    },
  }
  return `{}\n{"type":"event"}\n${JSON.stringify(event)}\n`
}
