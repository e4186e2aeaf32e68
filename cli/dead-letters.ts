import { openConfigTopic, type ConfigTopic, type ConfigTopicDeps } from '#/api/config-topic.ts'
import type { DeadLetterView, Operations } from '#/api/ports.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { createDecoder } from '#/schemas/codec.ts'
import type { DeadLetter } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'

export interface DeadLetterDesk extends Pick<Operations, 'deadLetters' | 'deadLetter' | 'redrive'> {
  close(): Promise<void>
}

interface Kept {
  id: number
  letter: DeadLetter
}

const TP = { topic: TOPICS.deadLetters.name, partition: 0 }
const KIND = 'redriven'
const READ_BYTES = 1 << 20
const SHOWN_BYTES = 4096

/** Lists dead letters and puts them back. What was put back is remembered, so that it happens once. */
export async function openDeadLetterDesk(deps: ConfigTopicDeps): Promise<DeadLetterDesk> {
  const redriven = new Set<number>()
  const config = await openConfigTopic(deps, (entry) => {
    if (entry.kind === KIND) redriven.add(Number(entry.id))
  })
  const view = ({ id, letter }: Kept): DeadLetterView => {
    const { stage, topic, partition, offset, at, code, error, attempt, project } = letter
    const bytes = letter.value?.length ?? 0
    return {
      id,
      stage,
      topic,
      partition,
      offset,
      at,
      code,
      error,
      attempt,
      project,
      bytes,
      redriven: redriven.has(id),
    }
  }

  return {
    async deadLetters(limit) {
      const end = await deps.log.endOffset(TP)
      return (await readFrom(deps.log, end - limit, limit)).toReversed().map(view)
    },
    async deadLetter(id) {
      const [kept] = await readFrom(deps.log, id, 1)
      if (kept === undefined || kept.id !== id) return null
      const shown = (kept.letter.value ?? Buffer.alloc(0)).subarray(0, SHOWN_BYTES)
      // Bytes of strangers: what is not printable is shown as a dot.
      return {
        ...view(kept),
        hex: shown.toString('hex'),
        text: shown.toString('latin1').replaceAll(/[^\x20-\x7e]/g, '.'),
      }
    },
    async redrive(ids) {
      const wanted = new Set(ids)
      const all = await readFrom(deps.log, 0, Number.POSITIVE_INFINITY)
      const chosen =
        ids.length === 0
          ? all.filter(({ id }) => !redriven.has(id))
          : all.filter(({ id }) => wanted.has(id))
      const missing = ids.filter((id) => !all.some((kept) => kept.id === id))
      const skipped = missing.map((id) => ({ id, reason: 'there is no such dead letter' }))
      const done: number[] = []
      for (const kept of chosen) {
        const reason = redriven.has(kept.id)
          ? 'it was put back before'
          : await putBack(deps, config, kept)
        if (reason === undefined) done.push(kept.id)
        else skipped.push({ id: kept.id, reason })
      }
      return { redriven: done, skipped }
    },
    close: () => config.close(),
  }
}

const decoder = createDecoder('DeadLetter')

function decode({ offset, value }: ConsumedRecord): Kept[] {
  return value === null ? [] : [{ id: offset, letter: decoder.decode(value) }]
}

async function readFrom(log: Log, from: number, countMax: number): Promise<Kept[]> {
  const end = await log.endOffset(TP)
  const kept: Kept[] = []
  for (
    let next = Math.max(from, await log.beginningOffset(TP));
    next < end && kept.length < countMax;
  ) {
    const records = await readBelow(log, TP, { from: next, bytesMax: READ_BYTES })
    kept.push(...records.flatMap(decode))
    next = (records.at(-1)?.offset ?? next) + 1
  }
  return kept.slice(0, countMax)
}

/** Appends the original record to where it came from; answers why not when it cannot. */
async function putBack(
  deps: ConfigTopicDeps,
  config: ConfigTopic,
  { id, letter }: Kept,
): Promise<string | undefined> {
  if (letter.topic !== TOPICS.raw.name) {
    return `it came from ${letter.topic}, where a second copy would count twice; use replay for that group`
  }
  if (letter.value === null) return 'it has no value'
  const at = deps.clock.nowMs()
  const record = { key: letter.key, value: letter.value, timestampMs: at }
  await deps.log.append([{ topic: letter.topic, partition: letter.partition, records: [record] }])
  await config.write([{ kind: KIND, id: String(id), at, actor: 'operator', value: '{}' }])
  return undefined
}
