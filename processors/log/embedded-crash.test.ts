import { describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { judgeLog, runLogChaos } from '#/test/chaos/log.ts'
import { createMemoryLog } from './memory.ts'
import { createTopic, recordOf } from './test-log.ts'

describe('kill -9', () => {
  it(
    '[LG82] loses nothing acknowledged and leaves nothing in part',
    { timeout: 60_000 },
    async () => {
      const report = await runLogChaos({ kills: 4, seed: 11, durability: 'write', lifeMsMax: 250 })
      expect(report.faults).toEqual([])
      expect(report.kills).toBe(4)
      expect(report.acknowledged).toBeGreaterThan(50)
    },
  )

  it('[LG82] with fsync too', { timeout: 60_000 }, async () => {
    const report = await runLogChaos({ kills: 2, seed: 12, durability: 'fsync', lifeMsMax: 250 })
    expect(report.faults).toEqual([])
  })

  it('the judge sees what is missing, partial and uncommitted (negative control)', async () => {
    const log = createMemoryLog({ clock: systemClock })
    await createTopic(log, 'source', 3)
    await createTopic(log, 'copy', 3)
    const tp = { topic: 'source', partition: 0 }
    await log.append([{ ...tp, records: [recordOf('whole 1'), recordOf('partial 2')] }])
    await log.append([{ topic: 'copy', partition: 0, records: [recordOf('whole 1')] }])
    const faults: string[] = []
    const acknowledged = new Map([
      ['whole', 1],
      ['partial', 2],
      ['missing', 1],
    ])
    await judgeLog(log, acknowledged, faults)
    expect(faults).toEqual([
      '1 copies, 0 committed',
      'append partial is visible in part: 1 of 2',
      'acknowledged append partial is not there',
      'acknowledged append missing is not there',
    ])
  })
})
