import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { shareReading } from './shared-reading.ts'

function counted() {
  const clock = createManualClock(0)
  const answers: PromiseWithResolvers<number>[] = []
  const ask = shareReading(
    () => {
      const answer = Promise.withResolvers<number>()
      answers.push(answer)
      return answer.promise
    },
    { clock, freshMs: 1_000, usableMs: 5_000 },
  )
  return { clock, answers, ask }
}

describe('a shared reading', () => {
  it('is read once for all who ask together, and again when it is old', async () => {
    const { clock, answers, ask } = counted()
    const all = Promise.all([ask(), ask(), ask()])
    answers[0]?.resolve(1)
    expect(await all).toEqual([1, 1, 1])
    expect(await ask()).toBe(1)
    expect(answers).toHaveLength(1)
    await clock.advance(1_000)
    expect(await ask()).toBe(1)
    answers[1]?.resolve(2)
    await Promise.resolve()
    expect(await ask()).toBe(2)
    expect(answers).toHaveLength(2)
  })

  it('[K1] is told for a while when the next one hangs, and then no more', async () => {
    const { clock, answers, ask } = counted()
    const first = ask()
    answers[0]?.resolve(1)
    await first
    await clock.advance(4_999)
    expect(await ask()).toBe(1)
    await clock.advance(1)
    const waiting = ask()
    answers[1]?.reject(new Error('the broker is away'))
    await expect(waiting).rejects.toThrow('the broker is away')
    const after = ask()
    answers[2]?.resolve(3)
    expect(await after).toBe(3)
  })
})
