import { describe, expect, it } from 'vitest'
import { apply } from './apply.ts'
import { COMMAND_KINDS, LIMITS } from './commands.ts'
import { decide } from './decide.ts'
import { foldAt, foldTo, seqAt } from './history.ts'
import { sentenceOf } from './sentences.ts'
import { emptyRoom, hashRoom } from './state.ts'
import { ANN, BEN, card, EVE, STEP, SYSTEM, TestRoom, withCards } from './test-room.ts'
import { viewOf } from './views.ts'

describe('order', () => {
  it('[CP1] seq grows by one and time always grows, even when the clock goes back', () => {
    const room = TestRoom.opened()
    room.nowMs = 5
    room.must(ANN, 'note', { id: 'n1', text: 'slow disks' })
    expect(room.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    for (const [index, event] of room.events.entries())
      expect(event.ts).toBeGreaterThan(room.events[index - 1]?.ts ?? 0)
  })

  it('[CP2] an event that is not the next is refused', () => {
    const room = TestRoom.opened()
    const [, second] = room.events
    expect(() => apply(emptyRoom('inc-1'), second!)).toThrow(RangeError)
    expect(() => apply(room.state, { ...second!, seq: 4 })).toThrow(/not later/)
  })

  it('[CP3] [F10] folding the events from nothing gives the same room at every seq', () => {
    const room = withCards()
    room.must(ANN, 'link_add', { id: 'l1', from: 's1', to: 'h1', kind: 'supports' })
    room.must(BEN, 'card_invalidate', { id: 'h1', reason: 'metrics are flat' })
    for (const [seq, state] of room.states.entries()) {
      const again = foldTo('inc-1', JSON.parse(JSON.stringify(room.events)) as never, seq)
      expect(hashRoom(again)).toBe(hashRoom(state))
    }
    expect(hashRoom(room.states[3]!)).not.toBe(hashRoom(room.states[4]!))
  })

  it('[CP4] what was given stays as it was', () => {
    const room = withCards()
    const before = hashRoom(room.state)
    const frozen = deepFreeze(room.state)
    const made = decide(frozen, room.command(ANN, 'card_edit', { id: 'h1', text: 'x' }))
    expect(made.ok && apply(frozen, made.event).seq).toBe(room.state.seq + 1)
    expect(hashRoom(room.state)).toBe(before)
  })

  it('[CP5] [F9] known at a moment is a seq; true at it puts the steps of the engine where they happened', () => {
    const room = TestRoom.opened()
    room.nowMs = 60_000
    const late = { ...STEP.step, seq: 2, kind: 'severity', at: 20_000 }
    room.must(SYSTEM, 'engine', { ...STEP, step: late, level: 1, recordedAt: 60_000 })
    const at = (atMs: number, knowledge: 'known' | 'true') =>
      viewOf(foldAt('inc-1', room.events, { atMs, knowledge })).severity.level
    expect(seqAt(room.events, 30_000)).toBe(3)
    expect(at(30_000, 'known')).toBe(3)
    expect(at(30_000, 'true')).toBe(1)
    expect(at(19_999, 'true')).toBe(3)
    expect(at(60_000, 'known')).toBe(1)
  })
})

describe('who may', () => {
  it('[CP6] [G9] a viewer is forbidden, a responder joins first', () => {
    const room = new TestRoom()
    expect(room.send(ANN, 'join', {})).toMatchObject({ code: 'missing' })
    room.must(SYSTEM, 'engine', STEP)
    for (const kind of ['join', 'note'] as const)
      expect(room.send(EVE, kind, { id: 'n', text: 'x' })).toMatchObject({
        code: kind === 'join' ? 'invalid' : 'forbidden',
      })
    expect(room.send(EVE, 'join', {})).toMatchObject({ code: 'forbidden' })
    expect(room.send(ANN, 'note', { id: 'n', text: 'x' })).toMatchObject({ code: 'not_joined' })
    room.must(ANN, 'join', {})
    room.must(ANN, 'note', { id: 'n', text: 'x' })
    room.must(ANN, 'leave', {})
    expect(room.send(ANN, 'pin', { ref: 'note:n' })).toMatchObject({ code: 'not_joined' })
  })

  it('[CP7] what the platform writes comes from the platform alone', () => {
    const room = TestRoom.opened()
    expect(room.send(BEN, 'engine', STEP)).toMatchObject({ code: 'forbidden' })
    expect(room.send(SYSTEM, 'note', { id: 'n', text: 'x' })).toMatchObject({ code: 'forbidden' })
  })

  it('[CP8] notes are edited, and changes undone, by their author', () => {
    const room = TestRoom.opened()
    const note = room.must(ANN, 'note', { id: 'n1', text: 'one' })
    expect(room.send(BEN, 'note_edit', { id: 'n1', text: 'two' })).toMatchObject({
      code: 'forbidden',
      by: { name: 'Ann' },
    })
    expect(room.send(BEN, 'undo', { seq: note.seq })).toMatchObject({ code: 'forbidden' })
    room.must(ANN, 'note_edit', { id: 'n1', text: 'two' })
    expect(viewOf(room.state).notes).toMatchObject([{ text: 'two', by: { name: 'Ann' } }])
  })

  it('[CP9] [F3] [G13] [G14] nothing deletes, and nothing only says something', () => {
    const verbs = COMMAND_KINDS.join(' ')
    expect(verbs).not.toMatch(/delete|remove|clear|chat|message|say/)
    expect(new TestRoom().send(ANN, 'card_delete' as never, {})).toMatchObject({ code: 'invalid' })
  })
})

describe('conflicts', () => {
  it('[CP10] [G6] of two status changes on one revision one is rejected and names the other person', () => {
    const room = TestRoom.opened()
    const seen = room.seen('status')
    room.must(ANN, 'status_change', { status: 'investigating' }, seen)
    expect(room.send(BEN, 'status_change', { status: 'resolved' }, seen)).toMatchObject({
      code: 'conflict',
      current: { value: 'investigating', rev: 4 },
      by: { id: 'user:ann', name: 'Ann' },
    })
    expect(room.send(BEN, 'status_change', { status: 'resolved' })).toMatchObject({
      code: 'invalid',
      path: 'expect',
    })
    room.must(BEN, 'status_change', { status: 'resolved' }, room.seen('status'))
  })

  it('[CP11] [G6] of two texts the later in log order stands, and tells whose it replaced', () => {
    const room = withCards()
    room.must(ANN, 'card_edit', { id: 'h1', text: 'the pool' }, { base: 7 })
    const later = room.must(BEN, 'card_edit', { id: 'h1', text: 'the disk' }, { base: 7 })
    expect(viewOf(room.state).cards.find(({ id }) => id === 'h1')?.text).toBe('the disk')
    expect(later).toMatchObject({
      base: 7,
      prev: { 'cards/h1/text': { value: 'the pool', rev: 8, by: { name: 'Ann' } } },
    })
  })

  it('[CP12] steps the state machine does not have are refused with what is', () => {
    const room = withCards()
    const resolve = (status: string) =>
      room.send(ANN, 'status_change', { status }, room.seen('status'))
    resolve('resolved')
    expect(resolve('investigating')).toMatchObject({
      code: 'transition',
      current: { value: 'resolved' },
    })
    expect(resolve('open')).toMatchObject({ kind: 'status_change' })
    expect(room.send(ANN, 'card_revalidate', { id: 'h1' })).toMatchObject({ code: 'transition' })
    room.must(ANN, 'pin', { ref: 'card:h1' })
    expect(room.send(BEN, 'pin', { ref: 'card:h1' })).toMatchObject({
      code: 'transition',
      by: { name: 'Ann' },
    })
    expect(room.send(BEN, 'severity_unlock', {}, room.seen('severity'))).toMatchObject({
      code: 'transition',
    })
  })

  it('[CP13] what was merged away says where it went', () => {
    const room = TestRoom.opened()
    const step = { ...STEP.step, seq: 2, kind: 'redirect' }
    room.must(SYSTEM, 'engine', { ...STEP, step, status: 'resolved', redirectTo: 'inc-0' })
    expect(room.send(ANN, 'note', { id: 'n', text: 'x' })).toMatchObject({
      code: 'transition',
      current: { redirectTo: 'inc-0' },
    })
  })

  it('[CP28] [N6] what it was is said when it is resolved, or later, and taken back', () => {
    const room = TestRoom.opened()
    const label = () => viewOf(room.state).label
    expect(label()).toBeNull()
    const seen = room.seen('status')
    room.must(ANN, 'status_change', { status: 'resolved', label: 'noise' }, seen)
    expect([label(), viewOf(room.state).status]).toEqual(['noise', 'resolved'])
    room.must(BEN, 'label', { label: 'real' })
    expect([label(), viewOf(room.state).status]).toEqual(['real', 'resolved'])
    // A step without one leaves it.
    room.must(ANN, 'status_change', { status: 'open' }, room.seen('status'))
    expect(label()).toBe('real')
    room.must(BEN, 'label', { label: null })
    expect(label()).toBeNull()
    expect(room.send(BEN, 'label', { label: 'unsure' })).toMatchObject({
      code: 'invalid',
      path: 'payload.label',
    })
  })

  it('[CP14] [G12] one commander at a time, and taking over says from whom', () => {
    const room = TestRoom.opened()
    const ann = { id: ANN.id, name: 'Ann' }
    const ben = { id: BEN.id, name: 'Ben' }
    const seen = room.seen('commander')
    room.must(ANN, 'role', { role: 'commander', person: ann }, seen)
    expect(room.send(BEN, 'role', { role: 'commander', person: ben }, seen)).toMatchObject({
      code: 'conflict',
      by: { name: 'Ann' },
    })
    const taken = room.must(BEN, 'role', { role: 'commander', person: ben }, room.seen('commander'))
    expect(taken.prev['commander']?.value).toEqual(ann)
    expect(viewOf(room.state)).toMatchObject({ commander: ben, scribe: null })
  })
})

describe('cards and links', () => {
  it('[CP15] [F2] [F5] five kinds; an invalidated card stays, with reason and author, and can come back', () => {
    const room = withCards()
    room.must(ANN, 'suggestion_accept', { suggestion: 'i1', card: { id: 'i1', title: 'AI' } })
    expect(viewOf(room.state).cards.map(({ kind }) => kind)).toEqual([
      'symptom',
      'hypothesis',
      'action',
      'solution',
      'ai_insight',
    ])
    expect(room.send(BEN, 'card_create', card('h1'))).toMatchObject({ code: 'conflict' })
    room.must(ANN, 'card_confirm', { id: 'h1' })
    room.must(BEN, 'card_invalidate', { id: 'h1', reason: 'metrics are flat' })
    expect(room.send(BEN, 'card_invalidate', { id: 'h1', reason: '' })).toMatchObject({
      code: 'invalid',
      path: 'payload.reason',
    })
    expect(viewOf(room.state).cards[1]).toMatchObject({
      state: 'invalidated',
      reason: 'metrics are flat',
      by: { name: 'Ann' },
      stateBy: { name: 'Ben' },
    })
    room.must(ANN, 'card_revalidate', { id: 'h1' })
    expect(viewOf(room.state).cards[1]?.state).toBe('proposed')
  })

  it('[CP16] [F4] both ends of a link exist and differ, and it is drawn once', () => {
    const room = withCards()
    const link = { id: 'l1', from: 's1', to: 'h1', kind: 'supports' }
    room.must(ANN, 'link_add', link)
    const other = { ...link, id: 'l2' }
    expect(room.send(BEN, 'link_add', other)).toMatchObject({ code: 'conflict' })
    expect(room.send(BEN, 'link_add', { ...other, to: 'nothing' })).toMatchObject({
      code: 'missing',
      path: 'payload.to',
    })
    expect(room.send(BEN, 'link_add', { ...other, to: 's1' })).toMatchObject({ code: 'invalid' })
    room.must(BEN, 'link_invalidate', { id: 'l1', reason: 'wrong way round' })
    room.must(BEN, 'link_add', other)
  })

  it('[CP17] [F6] a solution asks for its chain', () => {
    const room = withCards()
    const conclude = (id: string, chain: string[]) => room.send(ANN, 'converge', { id, chain })
    expect(conclude('f1', [])).toMatchObject({ code: 'invalid', path: 'payload.chain' })
    expect(conclude('h1', ['s1'])).toMatchObject({ code: 'invalid', path: 'payload.id' })
    expect(conclude('f1', ['s1', 's1'])).toMatchObject({ code: 'invalid' })
    expect(conclude('f1', ['f1'])).toMatchObject({ code: 'invalid' })
    expect(conclude('f1', ['s1', 'no'])).toMatchObject({
      code: 'missing',
      path: 'payload.chain[1]',
    })
    room.must(ANN, 'card_invalidate', { id: 'h1', reason: 'no' })
    expect(conclude('f1', ['s1', 'h1'])).toMatchObject({ code: 'transition' })
    expect(conclude('f1', ['s1', 'a1'])).toMatchObject({ kind: 'converge' })
    expect(viewOf(room.state).solution).toEqual({ card: 'f1', chain: ['s1', 'a1'] })
  })

  it('[CP18] [F8] a suggestion is answered once, and the answer is remembered', () => {
    const room = TestRoom.opened()
    room.must(ANN, 'suggestion_decline', { suggestion: 'i1', reason: 'seen before' })
    const accept = { suggestion: 'i1', card: { id: 'x', title: 'AI' } }
    expect(room.send(BEN, 'suggestion_accept', accept)).toMatchObject({
      code: 'conflict',
      by: { name: 'Ann' },
    })
    expect(viewOf(room.state).suggestions).toEqual({ i1: 'declined' })
  })

  it('[CP19] a claim belongs to a hypothesis, a result to a claim', () => {
    const room = withCards()
    const claim = { sql: 'SELECT count() FROM events', sign: '>', value: 3 }
    const result = { id: 'h1', verdict: 'supported', value: 4, note: '' }
    expect(room.send(ANN, 'claim', { id: 's1', claim })).toMatchObject({ code: 'invalid' })
    expect(room.send(SYSTEM, 'claim_result', result)).toMatchObject({ code: 'missing' })
    room.must(ANN, 'claim', { id: 'h1', claim })
    room.must(SYSTEM, 'claim_result', result)
    expect(viewOf(room.state).cards[1]).toMatchObject({ verdict: { verdict: 'supported' } })
    room.must(ANN, 'claim', { id: 'h1', claim: { ...claim, value: 9 } })
    expect(viewOf(room.state).cards[1]).toMatchObject({ verdict: null })
  })
})

describe('undo', () => {
  it('[CP20] [F11] an undo puts back what was, unless somebody wrote over it', () => {
    const room = withCards()
    room.must(ANN, 'card_edit', { id: 'h1', text: 'one' })
    const edit = room.must(ANN, 'card_edit', { id: 'h1', text: 'two' })
    room.must(ANN, 'undo', { seq: edit.seq })
    expect(viewOf(room.state).cards[1]?.text).toBe('one')
    const mine = room.must(ANN, 'card_move', { id: 'h1', x: 5, y: 6 })
    room.must(BEN, 'card_move', { id: 'h1', x: 7, y: 8 })
    expect(room.send(ANN, 'undo', { seq: mine.seq })).toMatchObject({
      code: 'conflict',
      by: { name: 'Ben' },
    })
    expect(room.send(ANN, 'undo', { seq: 2 })).toMatchObject({ code: 'missing' })
    for (let count = 0; count < LIMITS.undoable; count += 1)
      room.must(BEN, 'card_move', { id: 'a1', x: count, y: 0 })
    expect(room.send(ANN, 'undo', { seq: mine.seq })).toMatchObject({ code: 'missing' })
  })

  it('[CP21] [F11] undoing the making of a card marks it, and an undo can be undone', () => {
    const room = TestRoom.opened()
    const made = room.must(ANN, 'card_create', card('h1'))
    const undone = room.must(ANN, 'undo', { seq: made.seq })
    expect(viewOf(room.state).cards[0]).toMatchObject({ state: 'invalidated', title: 'Card h1' })
    room.must(ANN, 'undo', { seq: undone.seq })
    expect(viewOf(room.state).cards[0]).toMatchObject({ state: 'proposed' })
    const other = room.must(ANN, 'card_create', card('h2'))
    room.must(BEN, 'card_edit', { id: 'h2', text: 'more' })
    expect(room.send(ANN, 'undo', { seq: other.seq })).toMatchObject({ code: 'conflict' })
    for (const [kind, payload] of [
      ['note', { id: 'n', text: 'x' }],
      ['action_item', { id: 'i', text: 'x' }],
      ['link_add', { id: 'l', from: 'h1', to: 'h2', kind: 'tried' }],
      ['pin', { ref: 'card:h1' }],
    ] as const)
      room.must(ANN, 'undo', { seq: room.must(ANN, kind, payload).seq })
    expect(viewOf(room.state)).toMatchObject({
      notes: [{ isWithdrawn: true }],
      items: [{ isWithdrawn: true }],
      links: [{ isActive: false }],
      pins: [],
    })
  })
})

describe('the engine', () => {
  const step = (kind: string, more: object = {}, rest: object = {}) => ({
    ...STEP,
    step: { ...STEP.step, seq: 2, kind, ...more },
    ...rest,
  })

  it('[CP22] title, number and services are the engine’s; a name people gave is shown', () => {
    const room = TestRoom.opened()
    expect(viewOf(room.state)).toMatchObject({ title: STEP.title, number: 12 })
    room.must(ANN, 'rename', { title: 'Checkout down' })
    room.must(SYSTEM, 'engine', step('joined', {}, { title: 'other', services: ['a', 'b'] }))
    expect(viewOf(room.state)).toMatchObject({ title: 'Checkout down', services: ['a', 'b'] })
  })

  it('[CP23] a severity a person set stays until it is released', () => {
    const room = TestRoom.opened()
    room.must(ANN, 'severity_lock', { level: 1 }, room.seen('severity'))
    room.must(SYSTEM, 'engine', step('severity', {}, { level: 4 }))
    expect(viewOf(room.state).severity).toEqual({ level: 1, locked: true })
    room.must(ANN, 'severity_unlock', {}, room.seen('severity'))
    expect(viewOf(room.state).severity).toEqual({ level: 4, locked: false })
  })

  it('[CP29] what the engine would not do is told with its reason, and changes nothing', () => {
    const room = TestRoom.opened()
    const { cmdId } = room.must(ANN, 'merge_into', { into: 'inc-2' })
    const payload = { cmdId, kind: 'merge', by: 'Ann', reason: 'incident #2 is resolved' }
    expect(room.send(BEN, 'refused', payload)).toMatchObject({ code: 'forbidden' })
    const { root } = room.state
    const event = room.must(SYSTEM, 'refused', payload)
    expect(room.state.root).toEqual(root)
    expect(sentenceOf(event, room.state)).toBe(
      'Faultline did not do what Ann decided (merge): incident #2 is resolved.',
    )
    const nowhere = new TestRoom()
    expect(nowhere.send(SYSTEM, 'refused', payload)).toMatchObject({ code: 'missing' })
  })

  it('[CP24] a status a person set stays against older steps, and gives way to a regression', () => {
    const room = TestRoom.opened()
    const status = () => viewOf(room.state).status
    room.must(ANN, 'status_change', { status: 'resolved' }, room.seen('status'))
    const { at } = room.state
    room.must(SYSTEM, 'engine', step('status', {}, { status: 'open', recordedAt: at + 900 }))
    expect(status()).toBe('resolved')
    const echo = { status: 'resolved', recordedAt: at + 1_000 }
    room.must(SYSTEM, 'engine', step('resolved', { actor: 'Ann' }, echo))
    room.must(SYSTEM, 'engine', step('reopened', {}, { status: 'open', recordedAt: at + 2_000 }))
    expect(status()).toBe('open')
    room.must(ANN, 'status_change', { status: 'resolved' }, room.seen('status'))
    // No answer of the engine came: after a while it is heard again.
    room.must(
      SYSTEM,
      'engine',
      step('reopened', {}, { status: 'open', recordedAt: room.state.at + 10_001 }),
    )
    expect(status()).toBe('open')
  })
})

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}
