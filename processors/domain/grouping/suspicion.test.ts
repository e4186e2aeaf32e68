import { describe, expect, it } from 'vitest'
import type { IssueShapeRow } from '#/schemas/grouping.ts'
import { suspicionsOf } from './suspicion.ts'

function shape(over: Partial<IssueShapeRow>): IssueShapeRow {
  return {
    fingerprint: 'a',
    title: '',
    template: '',
    method: 'message',
    events: 100,
    services: ['web'],
    types: [],
    culprits: [],
    templates: [],
    ...over,
  }
}

describe('suspicions about groups', () => {
  it('[C11] one issue with two types of exception is suspect, with the numbers', () => {
    const types = [
      { value: 'KeyError', events: 70 },
      { value: 'IOError', events: 30 },
    ]
    const [first, ...rest] = suspicionsOf([shape({ types })])
    expect(rest).toEqual([])
    expect(first).toMatchObject({ kind: 'over', issues: ['a'], score: 0.6 })
    expect(first?.evidence).toBe(
      '2 exception types in one issue: "KeyError" in 70 events, "IOError" in 30 events.',
    )
  })

  it('a stray event, or a small issue, is not', () => {
    const stray = [
      { value: 'KeyError', events: 99 },
      { value: 'IOError', events: 1 },
    ]
    expect(suspicionsOf([shape({ types: stray })])).toEqual([])
    expect(suspicionsOf([shape({ events: 4, types: stray })])).toEqual([])
  })

  it('[C11] two issues whose templates hardly differ are suspect', () => {
    const left = shape({ template: 'cannot open volume alpha for writing' })
    const right = shape({ fingerprint: 'b', template: 'cannot open volume beta for writing' })
    expect(suspicionsOf([left, right])).toMatchObject([{ kind: 'under', issues: ['a', 'b'] }])
    for (const other of [
      { ...right, services: ['db'] },
      { ...right, types: [{ value: 'X', events: 100 }] },
      { ...right, template: 'user <*> is unknown to the directory' },
    ])
      expect(suspicionsOf([left, other])).toEqual([])
  })

  it('is bounded', () => {
    const many = Array.from({ length: 2000 }, (_, at) =>
      shape({ fingerprint: String(at), template: `a b c d e f g ${at}` }),
    )
    expect(suspicionsOf(many)).toHaveLength(100)
  })
})
