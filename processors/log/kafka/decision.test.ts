import { describe, expect, it } from 'vitest'
import { PendingDecision } from './decision.ts'

const said = (state: string, producerEpoch: number, producerId = 7) => ({
  state,
  producerId,
  producerEpoch,
})

/** It was taken at epoch 3 after a commit, and its markers could not be looked for. */
function committed(): PendingDecision {
  const decision = new PendingDecision()
  decision.learn(said('CompleteCommit', 2))
  decision.taken({ producerId: 7, producerEpoch: 3 })
  return decision
}

describe('how the last transaction of an id ended', () => {
  it.each([
    ['CompleteCommit', 'commit'],
    ['PrepareCommit', 'commit'],
    ['CompleteAbort', 'abort'],
    ['Ongoing', 'abort'],
    ['Empty', undefined],
    ['', undefined],
  ])('is what the coordinator says: %s', (state, decided) => {
    const decision = new PendingDecision()
    decision.learn(said(state, 2))
    expect(decision.value).toBe(decided)
  })

  it('[LG114] is kept when the coordinator has forgotten it, whoever took the id once in between', () => {
    for (const epoch of [3, 4]) {
      const decision = committed()
      decision.doubt()
      decision.learn(said('Empty', epoch))
      expect(decision.value).toBe('commit')
    }
  })

  it('is another one when others may have begun something since', () => {
    for (const now of [said('Empty', 5), said('Empty', 4, 8), said('CompleteAbort', 4)]) {
      const decision = committed()
      decision.doubt()
      decision.learn(now)
      expect(decision.value).toBe(now.state === 'Empty' ? undefined : 'abort')
    }
  })

  it('is over when its markers are there', () => {
    const decision = committed()
    decision.clear()
    decision.doubt()
    decision.learn(said('Empty', 3))
    expect(decision.value).toBeUndefined()
  })
})
