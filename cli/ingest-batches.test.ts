import { describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { createBatches, watchQuiet } from './ingest-batches.ts'
import type { SendResult } from './sender.ts'

function recorder(answer: (events: readonly unknown[]) => Promise<SendResult> | SendResult) {
  const refused: string[] = []
  const sent: (readonly unknown[])[] = []
  const batches = createBatches({
    send: async (events) => {
      sent.push(events)
      return answer(events)
    },
    onRefused: (line, text) => void refused.push(`${line}: ${text}`),
    batchMax: 2,
  })
  return { batches, sent, refused }
}

const takesAll = (events: readonly unknown[]): SendResult => ({
  accepted: events.length,
  rejected: [],
})

describe('batches of lines', () => {
  it('[A18] go when they are full, in order, and tell up to which line', async () => {
    const { batches, sent } = recorder(takesAll)
    for (const line of [1, 2, 4, 7, 9]) await batches.add(`e${line}`, line, 10)
    expect(sent).toEqual([
      ['e1', 'e2'],
      ['e4', 'e7'],
    ])
    expect([batches.accepted, batches.sentTo]).toEqual([4, 7])
    await batches.flush()
    expect([sent.at(-1), batches.sentTo]).toEqual([['e9'], 9])
  })

  it('[A18] name the lines that the door refuses', async () => {
    const rejected = [{ index: 1, code: 'invalid_event', message: 'service is required.' }]
    const { batches, refused } = recorder(() => ({ accepted: 1, rejected }))
    await batches.add('a', 3, 1)
    await batches.add('b', 8, 1)
    expect(refused).toEqual(['8: service is required.'])
    expect([batches.accepted, batches.rejected, batches.sentTo]).toEqual([1, 1, 8])
  })

  it('[A18] nothing goes behind one that failed, and the line before it is told', async () => {
    let left = 1
    const { batches, sent } = recorder((events) => {
      if ((left -= 1) < 0) throw new Error('gone')
      return takesAll(events)
    })
    await batches.add('a', 1, 1)
    await batches.add('b', 2, 1)
    await batches.add('c', 3, 1)
    await expect(batches.add('d', 4, 1)).rejects.toThrow('gone')
    await batches.add('e', 5, 1)
    await expect(batches.flush()).rejects.toThrow('gone')
    expect([sent.length, batches.accepted, batches.sentTo]).toEqual([2, 2, 2])
  })
})

describe('a pipe that falls quiet', () => {
  it('[A18] is told of once after a second, and again when something came since', async () => {
    const clock = createManualClock()
    const end = new AbortController()
    let [count, quiet] = [0, 0]
    const watch = watchQuiet({
      clock,
      signal: end.signal,
      count: () => count,
      onQuiet: async () => void (quiet += 1),
    })
    await clock.advance(5_000)
    expect(quiet).toBe(0)
    for (let second = 0; second < 5; second += 1) {
      count += 1
      await clock.advance(1_000)
    }
    expect(quiet).toBe(0)
    await clock.advance(10_000)
    expect(quiet).toBe(1)
    count += 1
    await clock.advance(3_000)
    expect(quiet).toBe(2)
    end.abort()
    await watch
  })
})
