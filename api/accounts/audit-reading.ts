import { createRecordReader } from '#/api/record-reader.ts'
import { isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import type { AuditVerdict, AuditView } from '#/schemas/accounts.ts'
import type { AuditEntry } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createChainCheck } from './audit-chain.ts'
import type { AuditDeps } from './audit.ts'

const TP = { topic: TOPICS.audit.name, partition: 0 }
const READ_BYTES_MAX = 1 << 20
const PROBLEMS_MAX = 100
/** How many offsets a page goes back at a time; on Kafka some of them are holes. */
const BACK = 256

type Reading = Pick<AuditDeps, 'log' | 'schemaIds' | 'registry'>

/** Records of this stretch, or why one cannot be read; stops at the first that is missing altogether. */
async function* walk(
  deps: Reading,
  { from, to }: { from: number; to: number },
): AsyncGenerator<{ record: ConsumedRecord; entry: AuditEntry | null; why: string }> {
  const reader = createRecordReader('AuditEntry', deps)
  for (let next = from; next < to;) {
    const records = await readBelow(deps.log, TP, { from: next, bytesMax: READ_BYTES_MAX })
    for (const record of records) {
      next = record.offset + 1
      if (record.offset >= to) return
      try {
        const value = record.value ?? Buffer.alloc(0)
        await reader.prepare([value])
        yield { record, entry: reader.read(value), why: '' }
      } catch (error) {
        yield { record, entry: null, why: messageOf(error) }
      }
    }
  }
}

/** The hash a new chain links to; empty where nothing was written yet. */
export async function lastHash(deps: Reading): Promise<string> {
  const [from, to] = [await deps.log.beginningOffset(TP), await deps.log.endOffset(TP)]
  let last = ''
  for await (const { entry } of walk(deps, { from: Math.max(from, to - BACK), to }))
    last = entry?.hash ?? last
  return last
}

export async function readAudit(
  deps: Reading,
  wish: { before: number | null; limit: number },
): Promise<readonly AuditView[]> {
  const begin = await deps.log.beginningOffset(TP)
  const end = await deps.log.endOffset(TP)
  const found: AuditView[] = []
  for (let to = Math.min(wish.before ?? end, end); to > begin && found.length < wish.limit;) {
    const from = Math.max(begin, to - BACK)
    const stretch: AuditView[] = []
    for await (const { record, entry } of walk(deps, { from, to }))
      if (entry !== null) stretch.push(viewOf(record.offset, entry))
    found.push(...stretch.toReversed())
    to = from
  }
  return found.slice(0, wish.limit)
}

function viewOf(offset: number, entry: AuditEntry): AuditView {
  const { at, actor, action, target, result, hash } = entry
  const detail = JSON.parse(entry.detail) as AuditView['detail']
  return { offset, at, actor, action, target, result, detail, hash }
}

/** Reads everything again and checks each link; the log's own damage is a finding, not a failure. */
export async function verifyAudit(deps: Reading, wanted: string): Promise<AuditVerdict> {
  let isFound = false
  const check = createChainCheck()
  const problems: { offset: number; what: string }[] = []
  const note = (offset: number, what: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push({ offset, what })
  }
  const from = await deps.log.beginningOffset(TP)
  const to = await deps.log.endOffset(TP)
  let next = from
  try {
    for await (const { record, entry, why } of walk(deps, { from, to })) {
      next = record.offset + 1
      const { offset, timestampMs } = record
      isFound ||= entry?.hash === wanted
      const key = record.key?.toString('utf8') ?? ''
      const what =
        entry === null ? `cannot be read: ${why}` : check.next({ offset, key, timestampMs, entry })
      if (what !== null) note(offset, what)
    }
  } catch (error) {
    if (!isFaultlineError(error, 'log_corrupt')) throw error
    note(next, `cannot be read from here on: ${error.message}`)
  }
  const { entries, writers, head } = check
  const knownHead = wanted === '' ? null : isFound
  const isWhole = problems.length === 0 && knownHead !== false
  return { entries, writers, head, knownHead, isWhole, problems }
}
