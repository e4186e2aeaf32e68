import { readDecision } from '#/processors/domain/grouping/decision-entry.ts'
import {
  createDecisionBook,
  type DecisionBook,
  type DecisionState,
  type GroupingDecision,
} from '#/processors/domain/grouping/decisions.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import type { ProcessorContext } from '#/processors/runtime/stage.ts'
import type { StoreCodec } from '#/processors/runtime/store.ts'
import { encode, schemaIdOf } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createRecordReader, type SchemaSource } from './record-reader.ts'

/** Decisions before this offset of the partition, oldest first. */
export type DecisionsBefore = (
  partition: number,
  offset: number,
) => Promise<readonly GroupingDecision[]>

/** What people decided, as one partition has met it. */
export interface DecisionDesk {
  prepare(records: readonly ConsumedRecord[]): Promise<void> | undefined
  /** Call before the first record after `prepare`: what state that begins here has missed. */
  begin(): void
  /** True when the record is a decision, which then holds for all that follow it. */
  take(record: ConsumedRecord): boolean
  bookOf(project: string): DecisionBook
}

const codec: StoreCodec<DecisionBook> = {
  create: () => createDecisionBook(),
  encode: (book) => Buffer.from(JSON.stringify(book)),
  decode: (bytes) => createDecisionBook(JSON.parse(bytes.toString()) as DecisionState),
}

const UNDECIDED = createDecisionBook()

export function openDecisionDesk(
  context: ProcessorContext,
  schemas: SchemaSource,
  before: DecisionsBefore | undefined,
): DecisionDesk {
  const store = context.openStore('decisions', codec)
  const reader = createRecordReader('ConfigEntry', schemas)
  const { ids } = schemas
  let missed: readonly GroupingDecision[] | undefined
  let hasBegun = before === undefined

  const isOther = (value: Buffer | null): boolean => {
    const id = value === null ? undefined : schemaIdOf(value)
    return id !== undefined && id !== ids.Event && id !== ids.Tick
  }
  const apply = (decision: GroupingDecision): void => {
    if (!store.take(decision.project).apply(decision)) return
    // Every partition applies it, one tells.
    if (context.input.partition === 0) tellPins(context, schemas, decision)
  }
  const load = async (records: readonly ConsumedRecord[]): Promise<void> => {
    const first = records[0]
    if (before === undefined || first === undefined) return
    hasBegun = true
    missed = await before(context.input.partition, first.offset)
  }
  return {
    prepare(records) {
      const others = records.filter(({ value }) => isOther(value))
      const schemasKnown = others.length === 0 ? undefined : reader.prepare(others)
      if (hasBegun) return schemasKnown
      return Promise.all([load(records), schemasKnown]).then(() => undefined)
    },
    begin() {
      if (missed === undefined) return
      const early = missed
      missed = undefined
      early.forEach(apply)
    },
    take({ value }) {
      if (!isOther(value)) return false
      const read = reader.read(value)
      const decision = read.kind === 'record' ? readDecision(read.record) : undefined
      if (decision === undefined) return false
      apply(decision)
      return true
    },
    bookOf: (project) => store.get(project) ?? UNDECIDED,
  }
}

/** Pins as aliases: what reads look rows up by. */
function tellPins(
  context: ProcessorContext,
  { ids }: SchemaSource,
  { id, project, pins, at, actor, reason }: GroupingDecision,
): void {
  const topic = TOPICS.aliases.name
  for (const { fingerprint, to } of pins) {
    // A key of its own: compaction must not take what was learned about the same id.
    const key = Buffer.from(`${project}/${fingerprint}/decided`)
    context.emit(topic, partitionOf(key, context.partitionsOf(topic)), {
      key,
      value: encode('FingerprintAlias', ids.FingerprintAlias, {
        project,
        service: '',
        alias: fingerprint,
        canonical: to ?? '',
        at,
        reason,
        actor: actor === '' ? 'unknown' : actor,
        decision: id,
      }),
      timestampMs: at,
    })
  }
}
