import { describe, expect, it } from 'vitest'
import { testDetail } from '#/api/test-views.ts'
import { apply } from '#/schemas/collab/apply.ts'
import { decide } from '#/schemas/collab/decide.ts'
import { emptyRoom } from '#/schemas/collab/state.ts'
import type { Actor, Command, RoomEvent } from '#/schemas/collab/state.ts'
import { proofOf, verifyProof } from './proof.ts'

const ANN: Actor = { id: 'user:ann', name: 'Ann', role: 'responder' }

function history(): RoomEvent[] {
  let state = emptyRoom('inc-1')
  const events: RoomEvent[] = []
  for (const [kind, payload] of [
    ['create', { title: 'Checkout fails', severity: 2 }],
    ['card_create', { id: 'h1', kind: 'hypothesis', title: 'the pool', text: 'SELECT 1' }],
    ['card_invalidate', { id: 'h1', reason: 'idle – “always”' }],
    ['note', { id: 'n1', text: 'seen by ünïcode' }],
    ['pin', { ref: 'note:n1' }],
  ] as const) {
    const cmdId = `t:${state.seq + 1}`
    const command = { cmdId, kind, payload, actor: ANN, at: 1_000 + state.seq } as Command
    const decision = decide(state, command)
    if (!decision.ok) throw new Error(decision.rejection.reason)
    events.push(decision.event)
    state = apply(state, decision.event)
  }
  return events
}

const source = {
  incidentId: 'inc-1',
  exportedAt: 5_000,
  detail: testDetail({ id: 'inc-1', number: 12 }),
  events: history(),
  rules: [{ match: 'message', set: 'x' }],
}
const text = proofOf(source)

describe('a post-mortem that carries its proof', () => {
  it('[N9] holds: room and document follow from what is in the file', () => {
    const verdict = verifyProof(text)
    expect(verdict).toMatchObject({ ok: true, events: 5 })
    if (!verdict.ok) return
    expect(verdict.markdown).toContain('idle – “always”')
    expect(verifyProof(text, verdict.head).ok).toBe(true)
    expect(verifyProof(text, 'f'.repeat(64))).toMatchObject({ ok: false })
    // The same incident, exported again, is the same file.
    expect(proofOf(source)).toBe(text)
  })

  it('[N9] one changed byte is found: every third one is tried', () => {
    const bytes = Buffer.from(text)
    const missed: number[] = []
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = Buffer.from(bytes)
      changed[at] = changed[at]! ^ 1
      if (verifyProof(changed.toString('utf8')).ok) missed.push(at)
    }
    expect(missed).toEqual([])
  })

  it('lines that are missing, doubled or in another order are found, and so is a chain made anew over a lie', () => {
    const lines = text.trimEnd().split('\n')
    const joined = (parts: readonly string[]): string => `${parts.join('\n')}\n`
    expect(verifyProof(joined(lines)).ok).toBe(true)
    expect(verifyProof(joined(lines.slice(0, -1))).ok).toBe(false)
    expect(verifyProof(joined([...lines, lines.at(-1)!])).ok).toBe(false)
    expect(verifyProof(joined([lines[1]!, lines[0]!, ...lines.slice(2)])).ok).toBe(false)
    expect(verifyProof('').ok).toBe(false)
    const events = source.events.map((event) =>
      event.kind === 'note' ? { ...event, payload: { id: 'n1', text: 'never said' } } : event,
    )
    const lie = proofOf({ ...source, events })
    const verdict = verifyProof(text)
    expect(verdict.ok && verifyProof(lie, verdict.head).ok).toBe(false)
    // An event left out leads nowhere: its number is missing.
    expect(() => proofOf({ ...source, events: source.events.slice(1) })).toThrow(RangeError)
  })
})
