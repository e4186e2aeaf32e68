import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import { openKafkaLog } from '#/processors/log/kafka/kafka-log.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { SENT } from './judge.ts'
import type { Ask } from './judge.ts'
import type { Ledger } from './ledger.ts'

const READ_BYTES_MAX = 1 << 20
const SHOWN_MAX = 3

/** Where acknowledged events that are not in the table got to, read from the topics themselves. */
export async function autopsy(options: {
  brokers: readonly string[]
  prefix: string
  ask: Ask
  ledger: Ledger
}): Promise<string> {
  const { brokers, prefix, ask, ledger } = options
  const from = { brokers, prefix, clientId: 'autopsy', client: 'platformatic' as const }
  const log = await openKafkaLog({ ...from, clock: systemClock, random: systemRandom })
  const lines: string[] = []
  try {
    const rows = await ask<{ event_id: string }>(`SELECT event_id FROM events WHERE ${SENT}`)
    const inTable = new Set(rows.map((row) => row.event_id))
    const missing = new Set<string>()
    for (const [service, count] of ledger.services)
      for (let sequence = 0; sequence < count; sequence += 1) {
        const id = `${service}-${sequence}`
        if (!inTable.has(id)) missing.add(id)
      }
    lines.push(
      `${missing.size} of ${ledger.total} are missing, e.g. ${[...missing].slice(0, SHOWN_MAX).join(' ')} … ${[...missing].at(-1)}`,
    )
    for (const [topic, group] of [
      [TOPICS.raw.name, 'fingerprint'],
      [TOPICS.fingerprinted.name, 'events-sink'],
    ] as const) {
      const partitions = (await log.topics()).find(({ name }) => name === topic)?.partitions ?? 0
      for (let partition = 0; partition < partitions; partition += 1) {
        const tp = { topic, partition }
        const [begin, end] = [await log.beginningOffset(tp), await log.endOffset(tp)]
        const places: number[] = []
        let last = begin
        for (let next = begin; next < end;) {
          const records = await log.read(tp, next, { bytesMax: READ_BYTES_MAX, waitMs: 200 })
          if (records.length === 0) break
          for (const record of records) {
            const text = record.value?.toString('latin1') ?? ''
            if (isOneOf(missing, /chaos-\d-\d-\d+/.exec(text)?.[0])) places.push(record.offset)
            last = record.offset
          }
          next = last + 1
        }
        const committed = await log.committed(group, tp)
        lines.push(
          `${topic}/${partition}: ${begin} to ${end}, last read ${last}, ${group} at ${committed?.offset}; ${places.length} of the missing at ${places[0]} to ${places.at(-1)}`,
        )
      }
    }
  } catch (error) {
    lines.push(String(error))
  } finally {
    await log.close()
  }
  return lines.join('\n')
}

/** What follows the id in the record may begin with a digit. */
function isOneOf(ids: ReadonlySet<string>, found: string | undefined): boolean {
  for (let id = found ?? ''; /-\d+$/.test(id); id = id.slice(0, -1)) if (ids.has(id)) return true
  return false
}
