/** One server-sent message. */
export interface StreamMessage {
  id: string
  event: string
  data: string
  /** When it came, by the monotonic clock given. */
  atMs: number
}

export interface StreamReader extends AsyncDisposable {
  readonly messages: readonly StreamMessage[]
}

const KEPT_MAX = 100_000

/** Reads server-sent events until it is disposed of; fails when the answer is not a stream. */
export async function openStream(
  url: URL,
  options: { nowMs: () => number; headers?: Record<string, string> },
): Promise<StreamReader> {
  const stop = new AbortController()
  const response = await fetch(url, { signal: stop.signal, headers: options.headers ?? {} })
  if (!response.ok || response.body === null) throw new Error(`${url.href} ${response.status}`)
  const messages: StreamMessage[] = []
  const reading = read(response.body, messages, options.nowMs).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  return {
    messages,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await reading
    },
  }
}

async function read(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  messages: StreamMessage[],
  nowMs: () => number,
): Promise<void> {
  let rest = ''
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + part).split('\n\n')
    rest = blocks.pop() ?? ''
    const atMs = nowMs()
    for (const block of blocks) {
      const fields: Record<string, string> = {}
      for (const line of block.split('\n')) {
        const colon = line.indexOf(':')
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart()
      }
      const { id = '', event = 'message', data } = fields
      if (data !== undefined && messages.length < KEPT_MAX) messages.push({ id, event, data, atMs })
    }
  }
}
