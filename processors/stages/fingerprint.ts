import { ALGORITHMS, type StoredGrouper } from '#/processors/domain/grouping/algorithms.ts'
import type { Grouped, Grouper } from '#/processors/domain/grouping/fingerprint.ts'
import type { DecisionBook } from '#/processors/domain/grouping/decisions.ts'
import type { FingerprintRule } from '#/processors/domain/grouping/fingerprint-rules.ts'
import type { ConsumedRecord, ProducedRecord } from '#/processors/log/port.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import { deadLetter, drop, OK } from '#/processors/runtime/record.ts'
import type { Processor, ProcessorContext, Stage } from '#/processors/runtime/stage.ts'
import type { StoreCodec } from '#/processors/runtime/store.ts'
import { createTaskStage } from '#/processors/runtime/task.ts'
import { encode, extendEvent, UNGROUPED } from '#/schemas/codec.ts'
import type { GroupedEventExtra } from '#/schemas/codec.ts'
import { eventProblem } from '#/schemas/event-check.ts'
import type { Event } from '#/schemas/records.ts'
import { telemetryKey, TOPICS } from '#/schemas/topics.ts'
import { openDecisionDesk, type DecisionsBefore } from './decision-desk.ts'
import { createDedup, dedupCodec } from './dedup.ts'
import { groupInputOf, isGrouped } from '#/processors/domain/grouping/group-input.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'
import { createTickGate } from './tick-gate.ts'

export interface FingerprintDeps {
  schemas: SchemaSource
  /** Rules of a project until somebody decides on rules for it, for trials; the same array until they change. */
  rulesOf?(project: string): readonly FingerprintRule[]
  /** Decisions about groups that state which begins at this place has not met. */
  decisionsBefore?: DecisionsBefore
  /** Services remembered per partition; past it the ones quiet for longest learn afresh. */
  servicesMax?: number
  dedupIdsMax?: number
}

const FINGERPRINT_SERVICES_MAX = 5000

const NEEDED = [
  'project',
  'service',
  'event_id',
  'id_made',
  'event_type',
  'occurred_at',
  'received_at',
  'environment',
  'message',
  'error_type',
  'error_code',
  'route',
  'stack',
] as const
type Needed = Pick<Event, (typeof NEEDED)[number]>

/**
 * signals.raw → signals.fingerprinted: each event once, with the issue it belongs to. Ticks pass through, so that
 * the next stage sees time where this one saw it.
 */
export function createFingerprintStage(deps: FingerprintDeps): Stage {
  return createTaskStage({
    name: 'fingerprint',
    inputs: [TOPICS.raw.name],
    outputs: [TOPICS.fingerprinted.name, TOPICS.aliases.name],
    createProcessor: (context) => new FingerprintProcessor(deps, context),
  })
}

function grouperCodec(deps: FingerprintDeps): StoreCodec<Grouper> {
  return {
    keysMax: deps.servicesMax ?? FINGERPRINT_SERVICES_MAX,
    create: () => ALGORITHMS.create(),
    encode: (grouper) => Buffer.from(JSON.stringify(ALGORITHMS.store(grouper))),
    decode: (bytes) => ALGORITHMS.restore(JSON.parse(bytes.toString()) as StoredGrouper),
  }
}

/** Stages behind trust the key; a producer may have sent another one, or none. */
function keyFor(sent: Buffer | null, key: string): Buffer {
  const right = Buffer.from(key)
  return sent?.equals(right) === true ? sent : right
}

const NO_RULES: readonly FingerprintRule[] = []

class FingerprintProcessor implements Processor {
  readonly #schemas: SchemaSource
  readonly #context: ProcessorContext
  readonly #reader
  readonly #wholeReader
  readonly #groupers
  readonly #dedup
  readonly #ticks
  readonly #decisions
  readonly #rulesOf: ((project: string) => readonly FingerprintRule[]) | undefined

  constructor(deps: FingerprintDeps, context: ProcessorContext) {
    this.#schemas = deps.schemas
    this.#context = context
    this.#reader = createRecordReader('Event', deps.schemas, NEEDED)
    this.#wholeReader = createRecordReader('Event', deps.schemas)
    this.#groupers = context.openStore('groupers', grouperCodec(deps))
    this.#dedup = createDedup(context.openStore('dedup', dedupCodec), {
      ...(deps.dedupIdsMax === undefined ? {} : { idsMax: deps.dedupIdsMax }),
      onShortened: () => context.count('dedup_shortened'),
    })
    this.#ticks = createTickGate(context)
    this.#decisions = openDecisionDesk(context, deps.schemas, deps.decisionsBefore)
    this.#rulesOf = deps.rulesOf && ((project: string) => deps.rulesOf?.(project) ?? NO_RULES)
  }

  prepare(records: readonly ConsumedRecord[]): Promise<void> | undefined {
    const decisions = this.#decisions.prepare(records)
    const narrow = this.#reader.prepare(records)
    if (narrow === undefined) return decisions
    return Promise.all([decisions, narrow.then(() => this.#wholeReader.prepare(records))]).then(
      () => undefined,
    )
  }

  process(record: ConsumedRecord) {
    this.#decisions.begin()
    const read = this.#reader.read(record.value)
    switch (read.kind) {
      case 'poison':
        if (this.#decisions.take(record)) return OK
        return deadLetter(read.code, read.error)
      case 'tick':
        if (!this.#ticks.isNew(read.tick)) return drop('repeated_tick')
        this.#forward(record, record.value)
        return OK
      case 'record':
        return this.#event(record, read.record, read.isCurrent)
    }
  }

  #event(record: ConsumedRecord, event: Needed, isCurrent: boolean) {
    // Whoever writes to the topic without the door has passed none of its checks.
    const bytes = isCurrent && record.value !== null ? record.value : this.#rewritten(record)
    const problem = eventProblem(bytes)
    if (problem !== '') return deadLetter('invalid_event', problem)
    const key = telemetryKey(event.project, event.service)
    if (!event.id_made && this.#dedup.isRepeated(`${key}/${event.event_id}`, event.received_at))
      return drop('duplicate')
    const extra = isGrouped(event) ? this.#group(key, event) : UNGROUPED
    const value = extendEvent(bytes, extra, this.#schemas.ids.GroupedEvent)
    this.#forward({ ...record, key: keyFor(record.key, key) }, value)
    return OK
  }

  #group(key: string, event: Needed): GroupedEventExtra {
    const grouper = this.#groupers.use(key)
    const { version } = grouper
    const book = this.#decisions.bookOf(event.project)
    grouper.use(this.#rulesIn(book, event.project))
    const grouped = grouper.group(groupInputOf(event))
    // Most events teach nothing new; then the state needs not be written again.
    if (grouper.version !== version) this.#groupers.take(key)
    if (grouped.aliases !== undefined) this.#tellAliases(event, grouped, book)
    const { own } = grouped
    const fingerprint = book.resolve(own, grouped.fingerprint)
    const params: Record<string, string> = {}
    for (const { name, value } of grouped.params) params[name] = value
    return {
      fingerprint,
      fingerprint_method: grouped.method,
      title: grouped.title,
      culprit: grouped.culprit ?? '',
      template: grouped.template ?? '',
      template_id: grouped.templateId ?? '',
      params,
      fingerprint_own: own === fingerprint ? '' : own,
      fingerprint_rule: grouped.rule ?? '',
    }
  }

  #rulesIn(book: DecisionBook, project: string): readonly FingerprintRule[] {
    if (book.revision > 0 || this.#rulesOf === undefined) return book.rules
    return this.#rulesOf(project)
  }

  /** In today's schema; `prepare` has seen to it that it can be read. */
  #rewritten({ value }: ConsumedRecord): Buffer {
    const whole = this.#wholeReader.read(value)
    if (whole.kind !== 'record') throw new TypeError('the event can be read in part only')
    return encode('Event', this.#schemas.ids.Event, whole.record)
  }

  #tellAliases(event: Needed, { aliases, reason }: Grouped, book: DecisionBook): void {
    const { project, service, occurred_at: at } = event
    const topic = TOPICS.aliases.name
    for (const { from, to } of aliases ?? []) {
      // A person's word stands whatever is learned later.
      if (book.isPinned(from)) continue
      const learned = { actor: '', decision: '' }
      const value = { project, service, alias: from, canonical: to, at, reason, ...learned }
      const key = Buffer.from(`${project}/${from}`)
      this.#context.emit(topic, partitionOf(key, this.#context.partitionsOf(topic)), {
        key,
        value: encode('FingerprintAlias', this.#schemas.ids.FingerprintAlias, value),
        timestampMs: event.received_at,
      })
    }
  }

  #forward({ key, timestampMs }: ConsumedRecord, value: Buffer | null): void {
    const forwarded: ProducedRecord = { key, value, timestampMs }
    this.#context.emit(TOPICS.fingerprinted.name, this.#context.input.partition, forwarded)
  }
}
