/** A log may show nothing for a moment although there is more; whoever reads to a known end must not stop there. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readAudit, verifyAudit } from '#/api/accounts/audit-reading.ts'
import { openAudit } from '#/api/accounts/audit.ts'
import { openKeys } from '#/api/keys.ts'
import type { Source } from '#/api/live/positions.ts'
import { replayBetween } from '#/api/live/replay.ts'
import { createTestApp, type TestApp } from '#/api/test-app.ts'
import { systemClock } from '#/kernel/clock.ts'
import { openJournal } from '#/processors/ai/journal.ts'
import { plannedRecord } from '#/processors/ai/planner.ts'
import { PROMPT_VERSION } from '#/processors/domain/ai-evidence/prompt.ts'
import { expectCode } from '#/processors/log/contract-suite-kit.ts'
import type { Log } from '#/processors/log/port.ts'
import { readLanes } from '#/processors/runtime/replay-lanes.ts'
import { TOPICS } from '#/schemas/topics.ts'

let app: TestApp
beforeEach(async () => {
  app = await createTestApp({ clock: systemClock })
})
afterEach(() => app.close())

/** Shows nothing of one topic, once, when it is asked for what lies from there on. */
function silentOnce(log: Log, topic: string, at: number): Log {
  let isSilent = true
  const read: Log['read'] = (tp, from, options) => {
    if (tp.topic !== topic || from < at || !isSilent) return log.read(tp, from, options)
    isSilent = false
    return Promise.resolve([])
  }
  return new Proxy(log, {
    get: (under, name) =>
      (name === 'read' ? read : Reflect.get(under, name).bind?.(under)) as never,
  })
}

const depsOf = (log: Log) => {
  const { schemaIds, registry } = app.deps
  return { log, clock: systemClock, schemaIds, registry, onProblem: () => undefined }
}

const RAW: Source = { topic: TOPICS.raw.name, partition: 0, kind: 'event' }

async function audited(count: number): Promise<void> {
  const audit = openAudit(depsOf(app.log))
  for (let number = 0; number < count; number += 1)
    await audit.record({ actor: 'a', action: 'b', target: String(number), result: 'done' })
  await audit.close()
}

async function rawRecords(count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const records = [{ key: null, value: Buffer.from(String(number)), timestampMs: number }]
    await app.log.append([{ topic: RAW.topic, partition: 0, records }])
  }
}

async function journalled(count: number): Promise<void> {
  const journal = await openJournal(depsOf(app.log))
  for (let number = 0; number < count; number += 1) {
    const [project, incidentId, at] = ['p', `i${number}`, systemClock.nowMs()] as const
    const wish = { project, incidentId, promptVersion: PROMPT_VERSION, priority: 1, at }
    const plan = journal.book.plan({ ...wish, actor: '' })
    if ('planned' in plan) await journal.write(plannedRecord({ project, incidentId, at, ...plan }))
  }
  await journal.close()
}

interface Place {
  name: string
  topic: string
  fill: (count: number) => Promise<void>
  /** How much of it there is. */
  count: (log: Log) => Promise<number>
}

const PLACES: readonly Place[] = [
  {
    name: 'the configuration',
    topic: TOPICS.config.name,
    async fill(count) {
      for (let number = 0; number < count; number += 1)
        await app.deps.keys.createKey({ project: 'shop', name: 'k', scopes: ['read'] })
    },
    async count(log) {
      const keys = await openKeys(depsOf(log))
      const found = keys.listKeys('shop').length
      await keys.close()
      return found
    },
  },
  {
    name: 'a live stream that goes on',
    topic: RAW.topic,
    fill: rawRecords,
    async count(log) {
      let found = 0
      const to = [await log.endOffset(RAW)]
      const onRecord = async () => void (found += 1)
      await replayBetween(log, { sources: [RAW], from: [0], to }, onRecord)
      return found
    },
  },
  {
    name: 'a replay',
    topic: RAW.topic,
    fill: rawRecords,
    async count(log) {
      let found = 0
      const spec = { ...RAW, from: 0, end: await log.endOffset(RAW), aheadMs: 0 }
      for await (const run of readLanes(log, [spec])) found += run.records.length
      return found
    },
  },
  {
    name: 'a page of the audit trail',
    topic: TOPICS.audit.name,
    fill: audited,
    count: async (log) => (await readAudit(depsOf(log), { before: null, limit: 100 })).length,
  },
  {
    name: 'the check of the audit trail',
    topic: TOPICS.audit.name,
    fill: audited,
    count: async (log) => (await verifyAudit(depsOf(log), '')).entries,
  },
  {
    name: 'the journal of the AI',
    topic: TOPICS.aiJobs.name,
    fill: journalled,
    async count(log) {
      const journal = await openJournal(depsOf(log))
      const found = [...journal.book.jobs()].length
      await journal.close()
      return found
    },
  },
]

describe('reading to the end', () => {
  it.each(PLACES)('[RT17] $name: nothing shown below the end is not the end', async (place) => {
    await place.fill(3)
    await expectCode('log_unavailable', place.count(silentOnce(app.log, place.topic, 0)))
    expect(await place.count(app.log)).toBe(3)
  })
})
