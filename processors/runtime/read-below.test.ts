import { expect, it } from 'vitest'
import { expectCode } from '#/processors/log/contract-suite-kit.ts'
import { createManualClock } from '#/kernel/clock.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { A0, appendTexts, createTopic } from '#/processors/log/test-log.ts'
import { loadState } from './changelog.ts'

it('[RT17] a log that shows nothing below its end stops the work, and nothing is left out', async () => {
  const log = createMemoryLog({ clock: createManualClock() })
  await createTopic(log)
  await appendTexts(log, ['a', 'b'])
  const read = await readBelow(log, A0, { from: 1, bytesMax: 100 })
  expect(read.map(({ value }) => String(value))).toEqual(['b'])
  const silent: Log = Object.assign(log, { read: async () => [] })
  await expectCode('log_unavailable', readBelow(silent, A0, { from: 1, bytesMax: 100 }))
  await expectCode('log_unavailable', loadState(silent, A0, 'input'))
})
