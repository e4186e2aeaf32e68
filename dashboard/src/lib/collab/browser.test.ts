import { afterEach, describe, expect, it, vi } from 'vitest'
import { decide, emptyRoom } from '#lib/contract.ts'
import type { Command } from '#lib/contract.ts'
import { openBrowserRoom } from '#lib/collab/browser.ts'

const step = { seq: 1, kind: 'opened', at: 1, sentence: '' }
const opened = { step, status: 'open', level: 3, title: 'x', number: 1, services: [] }
const actor = { id: 'engine', name: 'Faultline', role: 'system' } as const
const payload = { ...opened, redirectTo: '', recordedAt: 1 }
const first: Command = { cmdId: 'engine:1', kind: 'engine', payload, actor, at: 5 }
const decided = decide(emptyRoom('inc-1'), first)

const OPEN = 1
const CLOSING = 2

/** A browser's socket: what is written into a closing one is lost, and the console says so. */
class TestSocket extends EventTarget {
  static readonly OPEN = OPEN
  static all: TestSocket[] = []
  static lost: string[] = []
  readyState = OPEN
  sent: string[] = []

  constructor() {
    super()
    TestSocket.all.push(this)
    queueMicrotask(() => this.dispatchEvent(new Event('open')))
  }
  send(text: string): void {
    if (this.readyState === OPEN) this.sent.push(text)
    else TestSocket.lost.push(text)
  }
  close(): void {
    this.readyState = CLOSING
  }
  ended(): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code: 1006, reason: '' }))
  }
  welcome(): void {
    const you = { id: 'user:ann', name: 'Ann', role: 'responder' }
    const events = decided.ok ? [decided.event] : []
    const welcome = { type: 'welcome', version: 1, incidentId: 'inc-1', seq: 1, events, you }
    const data = JSON.stringify({ ...welcome, now: 1_000 })
    this.dispatchEvent(new MessageEvent('message', { data }))
  }
}

const kept = new Map<string, string>()

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the socket of a room in a browser', () => {
  it('[G8] nothing is written into a socket that is closing: a change waits and goes into the next one', async () => {
    vi.useFakeTimers()
    vi.stubGlobal('WebSocket', TestSocket)
    vi.stubGlobal('location', { protocol: 'http:', host: '127.0.0.1' })
    vi.stubGlobal('sessionStorage', {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
    })
    const room = openBrowserRoom({ incidentId: 'inc-1', ticket: async () => null })
    await vi.advanceTimersByTimeAsync(0)
    TestSocket.all[0]?.welcome()
    expect(room.status).toBe('live')

    // The browser has heard that it closes; the page is told of the end later.
    TestSocket.all[0]?.close()
    const sent = room.send('join', {})
    room.focus({ section: 'canvas' })
    await vi.advanceTimersByTimeAsync(11_000)
    expect(TestSocket.lost).toEqual([])
    expect(room.pending).toHaveLength(1)

    TestSocket.all[0]?.ended()
    await vi.advanceTimersByTimeAsync(2_000)
    TestSocket.all[1]?.welcome()
    expect(TestSocket.all[1]?.sent.join()).toContain(sent.ok ? sent.cmdId : 'refused')
    expect(TestSocket.lost).toEqual([])
    room.close()
  })
})
