import { describe, expect, it } from 'vitest'
import { askedFor, mergePreview, numberIn, splitObstacle } from '#lib/collab/regroup.ts'
import type { Pending } from '#lib/collab/client.ts'
import type { Incident, RoomEvent } from '#lib/contract.ts'

const incident = (number: number, openedAt: number, keys: readonly string[]): Incident =>
  ({
    id: `inc-${number}`,
    number,
    openedAt,
    members: keys.map((key) => ({ key, title: `Title ${key}` })),
  }) as unknown as Incident

const event = (seq: number, kind: string, payload: object): RoomEvent =>
  ({ seq, ts: seq * 1_000, kind, payload }) as unknown as RoomEvent

describe('merging and splitting from the page', () => {
  it('the older one stays, whoever asks, and only what it lacks moves', () => {
    const old = incident(3, 100, ['a', 'b'])
    const young = incident(9, 200, ['b', 'c'])
    for (const preview of [mergePreview(old, young), mergePreview(young, old)])
      expect([preview.stays.number, preview.goes.number, preview.moving]).toEqual([
        3,
        9,
        ['Title c'],
      ])
    expect(mergePreview(incident(5, 100, []), old).stays.number).toBe(3)
  })

  it('some parts leave and some stay', () => {
    const two = incident(1, 1, ['a', 'b'])
    expect(splitObstacle(two, ['a'])).toBe('')
    expect(splitObstacle(two, [])).toMatch(/Choose/)
    expect(splitObstacle(two, ['a', 'b'])).toMatch(/one part stays/)
    expect(splitObstacle(incident(1, 1, ['a']), [])).toMatch(/single part/)
  })

  it('what was decided is asked for until a step of the engine does it', () => {
    const merge = event(2, 'merge_into', { into: 'inc-9' })
    const said = (kind: string) => event(3, 'engine', { step: { kind, sentence: 'x' } })
    expect(askedFor([], [])).toBeNull()
    expect(askedFor([merge], [])).toMatchObject({ kind: 'merge', into: 'inc-9', isPending: false })
    expect(askedFor([merge, said('severity')], [])).not.toBeNull()
    expect(askedFor([merge, said('merged')], [])).toBeNull()
    expect(askedFor([merge, said('redirect')], [])).toBeNull()
    const refused = event(3, 'refused', { cmdId: 'c:2', reason: 'it is resolved' })
    expect(askedFor([{ ...merge, cmdId: 'c:1' }, refused], [])).not.toBeNull()
    expect(askedFor([{ ...merge, cmdId: 'c:2' }, refused], [])).toBeNull()
    const pending = [{ kind: 'split_issues', payload: { keys: ['a'] }, at: 7 }]
    expect(askedFor([merge], pending as unknown as Pending[])).toMatchObject({
      kind: 'split',
      keys: ['a'],
      at: 7,
      isPending: true,
    })
  })

  it('a step names the incident that came to be', () => {
    expect(numberIn('Ann Lee moved 2 issues to #17.')).toBe(17)
    expect(numberIn('no number')).toBe(0)
  })
})
