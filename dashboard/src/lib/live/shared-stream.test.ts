import { afterEach, expect, it } from 'vitest'

import type { Frame } from '#lib/contract.ts'
import { SharedStream, type StreamDeps, type StreamMessage } from '#lib/live/shared-stream.ts'

/** As much of an EventSource as a tab sees of it; the test plays the server. */
class FakeSource extends EventTarget {
  static opened: FakeSource[] = []
  readonly url: string
  readyState = 1
  constructor(url: string) {
    super()
    this.url = url
    FakeSource.opened.push(this)
  }
  close(): void {
    this.readyState = 2
  }
  emit(type: string, data = ''): void {
    this.dispatchEvent(new MessageEvent(type, { data }))
  }
  frame(seq: string): void {
    const frame: Frame = { seq, at: 0, cells: [], incidents: [], events: [], deploys: [], count: 0 }
    this.emit('message', JSON.stringify(frame))
  }
}

const streams: SharedStream[] = []
const timers: (() => void)[] = []

/** A tab of the same browser: locks and channel are Node's own, which follow the same standards. */
function openTab(name: string, locks: LockManager | null = navigator.locks) {
  const messages: StreamMessage[] = []
  const deps: StreamDeps = {
    openSource: (url) => new FakeSource(url) as unknown as EventSource,
    locks: locks ?? undefined,
    openChannel: (channel) => new BroadcastChannel(`${name} ${channel}`),
    setTimer: (run) => {
      timers.push(run)
      return 0 as unknown as ReturnType<typeof setTimeout>
    },
  }
  const stream = new SharedStream(deps, (message) => messages.push(message))
  streams.push(stream)
  const seen = (): string[] =>
    messages.flatMap((message) => (message.kind === 'frame' ? [message.frame.seq] : []))
  return { stream, messages, seen }
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30))

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close()
  FakeSource.opened = []
  timers.length = 0
  await settle()
})

it('opens one connection for all tabs, and each tab gets every frame', async () => {
  const tabs = [openTab('one'), openTab('one'), openTab('one')]
  await settle()
  expect(FakeSource.opened).toHaveLength(1)
  FakeSource.opened[0]?.frame('1')
  FakeSource.opened[0]?.frame('2')
  await settle()
  expect(tabs.map((tab) => tab.seen())).toEqual([
    ['1', '2'],
    ['1', '2'],
    ['1', '2'],
  ])
})

it('goes on from the last frame in another tab when the first one closes', async () => {
  const [first, second] = [openTab('two'), openTab('two')]
  await settle()
  FakeSource.opened[0]?.frame('41')
  await settle()
  first?.stream.close()
  await settle()
  expect(FakeSource.opened).toHaveLength(2)
  expect(FakeSource.opened[1]?.url).toBe('/api/stream/frames?last_event_id=41')
  // The server repeats nothing, but if it did, nothing would be counted twice.
  FakeSource.opened[1]?.frame('41')
  FakeSource.opened[1]?.frame('42')
  await settle()
  expect(second?.seen()).toEqual(['41', '42'])
})

it('takes the position from heartbeats too', async () => {
  openTab('five')
  await settle()
  const [source] = FakeSource.opened
  source?.frame('7')
  source?.dispatchEvent(new MessageEvent('heartbeat', { data: '{}', lastEventId: '19' }))
  source?.close()
  source?.emit('error')
  timers[0]?.()
  expect(FakeSource.opened.at(-1)?.url).toBe('/api/stream/frames?last_event_id=19')
})

it('connects anew when the server refuses, from where it was', async () => {
  const tab = openTab('three')
  await settle()
  const [source] = FakeSource.opened
  source?.frame('7')
  source?.close()
  source?.emit('error')
  expect(tab.messages.at(-1)).toEqual({ kind: 'lost' })
  timers[0]?.()
  expect(FakeSource.opened.at(-1)?.url).toBe('/api/stream/frames?last_event_id=7')
})

it('listens in every tab where the browser has no locks', () => {
  openTab('four', null)
  openTab('four', null)
  expect(FakeSource.opened).toHaveLength(2)
})
