import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readClientMessage } from './protocol.ts'

describe('messages of clients', () => {
  it('[CP27] what is right comes back typed, without what nobody asked for', () => {
    const cmd = { type: 'cmd', cmdId: 'tab-1:7', kind: 'join', payload: {} }
    expect(readClientMessage(JSON.stringify(cmd))).toEqual({ ok: true, value: cmd })
    const hello = { type: 'hello', incidentId: 'i', lastSeq: 0, clientId: 'tab-1' }
    expect(readClientMessage(JSON.stringify(hello))).toEqual({ ok: true, value: hello })
  })

  it.each([
    ['', ''],
    ['null', 'type'],
    ['{"type":"toString"}', 'type'],
    ['{"type":"hello","incidentId":"i","lastSeq":-1,"clientId":"c"}', 'message.lastSeq'],
    ['{"type":"cmd","cmdId":"c","kind":"join","payload":{}}', 'message.cmdId'],
    ['{"type":"cmd","cmdId":"c:1","kind":"engine","payload":{}}', 'message.kind'],
    ['{"type":"cmd","cmdId":"c:1","kind":"chat","payload":{}}', 'message.kind'],
    ['{"type":"cmd","cmdId":"c:1","kind":"join","payload":[]}', 'message.payload'],
    ['{"type":"cmd","cmdId":"c:1","kind":"join","payload":{},"actor":"x"}', 'message.actor'],
  ])('[CP27] %s is refused at its place', (frame, path) => {
    expect(readClientMessage(frame)).toMatchObject({ ok: false, path })
  })

  it('[CP27] no frame throws', () => {
    const cutOff = fc.json().map((text) => text.slice(0, -1))
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), cutOff), (frame) => {
        expect(typeof readClientMessage(frame).ok).toBe('boolean')
      }),
    )
  })
})
