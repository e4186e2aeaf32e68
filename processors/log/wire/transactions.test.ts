import { afterEach, describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import type { FrontedLog } from '#/processors/log/embedded-front.ts'
import { A0, createTopic, readTexts, TestLogs } from '#/processors/log/test-log.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'
import { checkProducedBatch } from './produced-batch.ts'
import { Producers } from './producers.ts'
import { clientBatch } from './test-front.ts'
import { Transactions } from './transactions.ts'

const logs = new TestLogs()
afterEach(() => logs.clean())

function over(log: FrontedLog) {
  const front = log.front()
  const clock = createManualClock(1_000_000)
  const notesOf = (kind: string) =>
    new Map(
      front
        .notes()
        .flatMap((note) => (note.kind === kind ? [[note.key, note.value] as const] : [])),
    )
  const producers = new Producers({ front, notes: notesOf('producer') })
  const notes = notesOf('transaction')
  return { clock, transactions: new Transactions({ front, clock, producers, notes }) }
}

async function open() {
  const dir = logs.newDir()
  const log = await logs.open(dir)
  await createTopic(log)
  return { dir, log, ...over(log) }
}

async function begin(transactions: Transactions) {
  const { producerId, epoch } = await transactions.init('t', 60_000)
  const claimed = { id: 't', producerId, epoch }
  await transactions.addPartitions(claimed, [A0])
  return claimed
}

const partOf = (
  claimed: { producerId: number; epoch: number },
  texts: string[],
  sequence: number,
) => {
  const numbers = { id: claimed.producerId, epoch: claimed.epoch, sequence, isTransactional: true }
  const sent = clientBatch(texts, numbers)
  return { ...A0, batch: checkProducedBatch(sent, { isCompacted: false }) }
}

const codeOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => KAFKA.NONE,
    (error: unknown) => {
      if (error instanceof KafkaError) return error.code
      throw error
    },
  )

describe('transactions', () => {
  it('[WF8] nothing is readable before the commit; then everything, with the offsets', async () => {
    const { log, transactions } = await open()
    const claimed = await begin(transactions)
    await transactions.addGroup(claimed, 'g')
    await transactions.hold('t', partOf(claimed, ['a', 'b'], 0))
    await transactions.addOffsets(claimed, 'g', [{ ...A0, offset: 7, metadata: 'm' }])
    expect(await log.endOffset(A0)).toBe(0)
    expect(await log.committed('g', A0)).toBeUndefined()
    await transactions.end(claimed, 'commit')
    expect(await readTexts(log)).toEqual(['a', 'b'])
    expect(await log.committed('g', A0)).toEqual({ offset: 7, metadata: 'm' })
    // The answer was lost: asked again it is the same, the other outcome is refused.
    await transactions.end(claimed, 'commit')
    expect(await codeOf(transactions.end(claimed, 'abort'))).toBe(KAFKA.INVALID_TXN_STATE)
    expect(await log.endOffset(A0)).toBe(2)
  })

  it('[WF8] an abort leaves nothing, and the producer counts on', async () => {
    const { log, transactions } = await open()
    const claimed = await begin(transactions)
    await transactions.hold('t', partOf(claimed, ['a'], 0))
    await transactions.end(claimed, 'abort')
    await transactions.addPartitions(claimed, [A0])
    await transactions.hold('t', partOf(claimed, ['b'], 1))
    const again = transactions.hold('t', partOf(claimed, ['b'], 1))
    expect(await codeOf(again)).toBe(KAFKA.NONE)
    await transactions.end(claimed, 'commit')
    expect(await readTexts(log)).toEqual(['b'])
  })

  it('[WF9] a new instance fences the old one and drops what it had open', async () => {
    const { log, transactions } = await open()
    const old = await begin(transactions)
    await transactions.hold('t', partOf(old, ['old'], 0))
    const next = await begin(transactions)
    expect(next.epoch).toBe(old.epoch + 1)
    const late = transactions.hold('t', partOf(old, ['late'], 1))
    expect(await codeOf(late)).toBe(KAFKA.INVALID_PRODUCER_EPOCH)
    expect(await codeOf(transactions.end(old, 'commit'))).toBe(KAFKA.INVALID_PRODUCER_EPOCH)
    await transactions.hold('t', partOf(next, ['new'], 0))
    await transactions.end(next, 'commit')
    expect(await readTexts(log)).toEqual(['new'])
  })

  it('[WF9] what was open at a crash cannot be committed in half; what was not goes on', async () => {
    const { dir, log, transactions } = await open()
    const claimed = await begin(transactions)
    await transactions.hold('t', partOf(claimed, ['first half'], 0))
    const later = await logs.open(logs.crashImage(dir))
    const restarted = over(later).transactions
    const rest = restarted.addPartitions(claimed, [A0])
    expect(await codeOf(rest)).toBe(KAFKA.INVALID_PRODUCER_EPOCH)
    expect(await codeOf(restarted.end(claimed, 'commit'))).toBe(KAFKA.INVALID_PRODUCER_EPOCH)
    expect(await later.endOffset(A0)).toBe(0)
    // The control: closed before the crash, the same producer goes on.
    await transactions.end(claimed, 'commit')
    const after = await logs.open(logs.crashImage(dir))
    const { transactions: going } = over(after)
    await going.end(claimed, 'commit')
    await going.addPartitions(claimed, [A0])
    await going.hold('t', partOf(claimed, ['second'], 1))
    await going.end(claimed, 'commit')
    expect(await readTexts(after)).toEqual(['first half', 'second'])
    expect(await readTexts(log)).toEqual(['first half'])
  })

  it('[WF9] one that stays open for longer than its timeout is aborted', async () => {
    const { clock, log, transactions } = await open()
    const claimed = await begin(transactions)
    await transactions.hold('t', partOf(claimed, ['a'], 0))
    await clock.advance(59_000)
    await transactions.expire()
    await transactions.hold('t', partOf(claimed, ['b'], 1))
    await clock.advance(2000)
    await transactions.expire()
    expect(await codeOf(transactions.end(claimed, 'commit'))).toBe(KAFKA.INVALID_PRODUCER_EPOCH)
    expect(await log.endOffset(A0)).toBe(0)
  })

  it('[WF9] a partition that was not announced, a gap and a foreign producer are refused', async () => {
    const { transactions } = await open()
    const claimed = await begin(transactions)
    const elsewhere = { ...partOf(claimed, ['a'], 0), partition: 1 }
    expect(await codeOf(transactions.hold('t', elsewhere))).toBe(KAFKA.INVALID_TXN_STATE)
    await transactions.hold('t', partOf(claimed, ['a'], 0))
    const gap = transactions.hold('t', partOf(claimed, ['c'], 2))
    expect(await codeOf(gap)).toBe(KAFKA.OUT_OF_ORDER_SEQUENCE_NUMBER)
    const foreign = { ...claimed, producerId: claimed.producerId + 1 }
    expect(await codeOf(transactions.end(foreign, 'commit'))).toBe(
      KAFKA.INVALID_PRODUCER_ID_MAPPING,
    )
  })
})
