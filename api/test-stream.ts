/** A client of server-sent events for tests. Node's own EventSource is still behind a flag. */
import { systemClock } from '#/kernel/clock.ts'

interface StreamMessage {
  event: string
  id: string
  data: string
}

export interface TestStream {
  messages: StreamMessage[]
  text(): string
  /** Waits until `select` gives at least `count` things; fails after five seconds. */
  waitFor<T>(
    select: (all: readonly StreamMessage[]) => readonly T[],
    count: number,
  ): Promise<readonly T[]>
  close(): void
}

const PATIENCE_MS = 5_000

export async function openStream(url: string, lastId?: string): Promise<TestStream> {
  const stop = new AbortController()
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
  const response = await fetch(url, { headers, signal: stop.signal })
  if (!response.ok || response.body === null)
    throw new Error(`${response.status} ${await response.text()}`)
  const messages: StreamMessage[] = []
  let all = ''
  let rest = ''
  const read = async (body: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder()
    for await (const chunk of body) {
      const text = decoder.decode(chunk, { stream: true })
      all += text
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop() ?? ''
      messages.push(...blocks.map(parse))
    }
  }
  // Closing ends the body with an error, which is the way it ends.
  read(response.body).catch(() => undefined)
  const stream: TestStream = {
    messages,
    text: () => all,
    async waitFor(select, count) {
      const deadline = systemClock.monotonicMs() + PATIENCE_MS
      for (;;) {
        const found = select(messages)
        if (found.length >= count) return found
        if (systemClock.monotonicMs() > deadline)
          throw new Error(`waited for ${count}, got ${found.length}: ${all.slice(-2_000)}`)
        await systemClock.sleep(5)
      }
    },
    close: () => stop.abort(),
  }
  // The first heartbeat says that the server listens; the hub joins in the same turn or soon after.
  await stream.waitFor((each) => each.filter(({ event }) => event === 'heartbeat'), 1)
  await systemClock.sleep(30)
  return stream
}

function parse(block: string): StreamMessage {
  const message = { event: '', id: '', data: '' }
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ')
    const name = line.slice(0, colon)
    if (name === 'event' || name === 'id' || name === 'data') message[name] = line.slice(colon + 2)
  }
  return message
}
