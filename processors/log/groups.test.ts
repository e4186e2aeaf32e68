import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { messageOf } from '#/kernel/errors.ts'
import { createMemoryLog } from './memory.ts'
import { A0, createTopic } from './test-log.ts'

describe('groups', () => {
  it('[LG83] a member that does not drain in time is fenced without it', async () => {
    const clock = createManualClock()
    const problems: string[] = []
    const onProblem = (error: unknown): void => void problems.push(messageOf(error))
    const log = createMemoryLog({ clock, drainMsMax: 5000, onProblem })
    await createTopic(log)
    const stuck = await log.join({
      group: 'g',
      topics: ['a'],
      onAssigned: async () => undefined,
      onRevoked: () => new Promise(() => undefined),
    })
    let isReset = false
    const reset = log.resetOffsets('g', [{ ...A0, offset: 0, metadata: '' }]).then(() => {
      isReset = true
      return undefined
    })
    await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(4999)
    expect(isReset).toBe(false)
    await clock.advance(1)
    await reset
    expect(problems).toEqual([`${stuck.memberId} did not drain in 5000 ms and is fenced`])
  })

  it('[LG84] a callback that fails is reported, and the fence falls', async () => {
    const problems: string[] = []
    const log = createMemoryLog({
      clock: createManualClock(),
      onProblem: (error) => void problems.push(messageOf(error)),
    })
    await createTopic(log)
    const member = await log.join({
      group: 'g',
      topics: ['a'],
      onAssigned: async () => undefined,
      onRevoked: () => Promise.reject(new Error('cannot drain')),
    })
    await member.leave()
    expect(problems).toEqual(['cannot drain'])
    const commit = {
      membership: member,
      outputs: [],
      offsets: [{ ...A0, offset: 0, metadata: '' }],
    }
    await expect(log.commit(commit)).rejects.toMatchObject({ code: 'stale_owner' })
  })

  it('a waiting read ends by the clock that was given', async () => {
    const clock = createManualClock()
    const log = createMemoryLog({ clock })
    await createTopic(log)
    let answers = 0
    const waits = [100, 50].map((waitMs) =>
      log.read(A0, 0, { bytesMax: 100, waitMs }).then((records) => (answers += records.length + 1)),
    )
    await clock.advance(50)
    expect(answers).toBe(1)
    await clock.advance(49)
    expect(answers).toBe(1)
    await clock.advance(1)
    await Promise.all(waits)
    expect(answers).toBe(2)
  })
})
