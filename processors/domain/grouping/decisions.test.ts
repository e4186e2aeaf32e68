import { describe, expect, it } from 'vitest'
import { mergePins, rulePins, splitPins, undoOf } from './decision-making.ts'
import { createDecisionBook, type GroupingDecision, type Pin } from './decisions.ts'

function historyOf(...all: Partial<GroupingDecision>[]): GroupingDecision[] {
  return all.map((one, at) => ({
    id: `g${at + 1}`,
    project: 'p',
    revision: at + 1,
    kind: 'merge',
    actor: 'ann',
    at,
    reason: 'r',
    pins: [],
    ...one,
  }))
}

function bookOf(history: readonly GroupingDecision[]) {
  const book = createDecisionBook()
  for (const decision of history) book.apply(decision)
  return book
}

function after(history: GroupingDecision[], pins: readonly Pin[]) {
  return bookOf([...history, ...historyOf({ pins, revision: history.length + 1 })])
}

describe('decisions of people', () => {
  it('[N7] a person goes before what was learned, and what was learned stands where nobody decided', () => {
    const book = bookOf(historyOf({ pins: [{ fingerprint: 'b', to: 'b' }] }))
    expect(book.resolve('b', 'a')).toBe('b')
    expect(book.resolve('c', 'a')).toBe('a')
    expect(book.isPinned('b')).toBe(true)
    expect(book.isPinned('c')).toBe(false)
  })

  it('[C11] what was learned into a merged issue moves along with it', () => {
    const book = bookOf(historyOf({ pins: [{ fingerprint: 'a', to: 'z' }] }))
    expect(book.resolve('b', 'a')).toBe('z')
  })

  it('[C11] merging a merged issue on moves all of it, in one step', () => {
    const history = historyOf({ pins: mergePins([], ['a', 'b'], 'c') })
    const book = after(history, mergePins(history, ['c'], 'd'))
    for (const one of ['a', 'b', 'c']) expect(book.pinOf(one)).toBe('d')
  })

  it('a circle somebody made ends', () => {
    const pins = [
      { fingerprint: 'a', to: 'b' },
      { fingerprint: 'b', to: 'a' },
    ]
    expect(['a', 'b']).toContain(bookOf(historyOf({ pins })).resolve('a', 'a'))
  })

  it('[C11] [N7] the undoing of a merge keeps the two apart whatever is learned', () => {
    const history = historyOf({ pins: mergePins([], ['a'], 'b') })
    const undo = undoOf(history, history[0]!)
    if ('conflict' in undo) throw new Error('conflict')
    expect(undo.pins).toEqual([{ fingerprint: 'a', to: 'a' }])
    expect(after(history, undo.pins).resolve('a', 'b')).toBe('a')
  })

  it('[C11] the undoing of a split leaves it to learning again', () => {
    const history = historyOf({ kind: 'split', pins: splitPins(['b', 'c'], true) })
    expect(bookOf(history).resolve('c', 'a')).toBe('b')
    const undo = undoOf(history, history[0]!)
    if ('conflict' in undo) throw new Error('conflict')
    expect(after(history, undo.pins).resolve('c', 'a')).toBe('a')
  })

  it('a decision that a later one builds on is not taken back before that one', () => {
    const history = historyOf(
      { pins: [{ fingerprint: 'a', to: 'b' }] },
      { pins: [{ fingerprint: 'a', to: 'c' }] },
    )
    expect(undoOf(history, history[0]!)).toEqual({ conflict: history[1] })
    expect(undoOf(history, history[1]!)).toMatchObject({ pins: [{ fingerprint: 'a', to: 'b' }] })
  })

  it('[C12] other rules let go what the former ones drew to themselves, and nothing else', () => {
    const history = historyOf(
      { kind: 'rules', rules: [], pins: [{ fingerprint: 'a', to: 'rule' }] },
      { pins: [{ fingerprint: 'm', to: 'n' }] },
    )
    const book = after(history, rulePins(history, []))
    expect(book.resolve('a', 'a')).toBe('a')
    expect(book.resolve('m', 'm')).toBe('n')
  })

  it('a state is what it was after it was stored', () => {
    const book = bookOf(historyOf({ pins: [{ fingerprint: 'a', to: 'b' }], rules: [] }))
    const again = createDecisionBook(JSON.parse(JSON.stringify(book)))
    expect(again.toJSON()).toEqual(book.toJSON())
    expect(again.resolve('a', 'a')).toBe('b')
  })
})
