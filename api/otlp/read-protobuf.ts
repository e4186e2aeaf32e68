import { FaultlineError } from '#/kernel/errors.ts'
import { OTLP_LIMITS, createAttributes, setAttribute } from './model.ts'
import type {
  AttributeValue,
  Attributes,
  Budget,
  OtlpGroup,
  OtlpLog,
  OtlpSpan,
  OtlpSpanEvent,
} from './model.ts'
import { ProtoReader } from './protobuf.ts'

// Field numbers are those of opentelemetry-proto 1.x: trace.proto, logs.proto, common.proto, resource.proto.

export function readTracesProtobuf(body: Buffer): OtlpGroup<OtlpSpan>[] {
  return readRequest(body, readSpan)
}

export function readLogsProtobuf(body: Buffer): OtlpGroup<OtlpLog>[] {
  return readRequest(body, readLog)
}

type ReadRecord<T> = (reader: ProtoReader) => T

/** Both requests have one shape: resources (1) with a resource (1) and scopes (2) with records (2). */
function readRequest<T>(body: Buffer, readRecord: ReadRecord<T>): OtlpGroup<T>[] {
  const reader = new ProtoReader(body)
  const budget: Budget = { records: 0, groups: 0 }
  const groups: OtlpGroup<T>[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 1) reader.skip()
    else groups.push(readGroup(reader, readRecord, budget))
  }
  return groups
}

function readGroup<T>(
  reader: ProtoReader,
  readRecord: ReadRecord<T>,
  budget: Budget,
): OtlpGroup<T> {
  countGroup(budget)
  const group: OtlpGroup<T> = { resource: createAttributes(), records: [] }
  const outer = reader.enter()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) readResource(reader, group.resource)
    else if (field === 2) readScope(reader, group.records, { readRecord, budget })
    else reader.skip()
  }
  reader.leave(outer)
  return group
}

export function countGroup(budget: Budget): void {
  if ((budget.groups += 1) > OTLP_LIMITS.groupsMax)
    throw tooLarge(`more than ${OTLP_LIMITS.groupsMax} resources and scopes`)
}

export function countRecord(budget: Budget): void {
  if ((budget.records += 1) > OTLP_LIMITS.recordsMax)
    throw tooLarge(`more than ${OTLP_LIMITS.recordsMax} spans or log records`)
}

function tooLarge(what: string): FaultlineError {
  return new FaultlineError('body_too_large', `The body holds ${what}.`, {
    remedy: 'Let the exporter send smaller batches.',
  })
}

function readResource(reader: ProtoReader, attributes: Attributes): void {
  const outer = reader.enter()
  const seen = { count: 0 }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) readAttribute(reader, attributes, seen)
    else reader.skip()
  }
  reader.leave(outer)
}

function readScope<T>(
  reader: ProtoReader,
  records: T[],
  { readRecord, budget }: { readRecord: ReadRecord<T>; budget: Budget },
): void {
  countGroup(budget)
  const outer = reader.enter()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 2) {
      reader.skip()
      continue
    }
    countRecord(budget)
    const outerRecord = reader.enter()
    records.push(readRecord(reader))
    reader.leave(outerRecord)
  }
  reader.leave(outer)
}

function readSpan(reader: ProtoReader): OtlpSpan {
  const span: OtlpSpan = {
    traceId: '',
    spanId: '',
    parentSpanId: '',
    name: '',
    kind: 0,
    startMs: 0,
    endMs: 0,
    attributes: createAttributes(),
    events: [],
    statusCode: 0,
    statusMessage: '',
  }
  const seen = { count: 0 }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) span.traceId = reader.hex()
    else if (field === 2) span.spanId = reader.hex()
    else if (field === 4) span.parentSpanId = reader.hex()
    else if (field === 5) span.name = reader.text()
    else if (field === 6) span.kind = reader.uint()
    else if (field === 7) span.startMs = reader.nanosAsMs()
    else if (field === 8) span.endMs = reader.nanosAsMs()
    else if (field === 9) readAttribute(reader, span.attributes, seen)
    else if (field === 11 && span.events.length < OTLP_LIMITS.spanEventsMax)
      span.events.push(readSpanEvent(reader))
    else if (field === 15) readStatus(reader, span)
    else reader.skip()
  }
  noteDropped(span.attributes, seen.count)
  return span
}

function readStatus(reader: ProtoReader, span: OtlpSpan): void {
  const outer = reader.enter()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) span.statusMessage = reader.text()
    else if (field === 3) span.statusCode = reader.uint()
    else reader.skip()
  }
  reader.leave(outer)
}

function readSpanEvent(reader: ProtoReader): OtlpSpanEvent {
  const event: OtlpSpanEvent = { name: '', timeMs: 0, attributes: createAttributes() }
  const seen = { count: 0 }
  const outer = reader.enter()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) event.timeMs = reader.nanosAsMs()
    else if (field === 2) event.name = reader.text()
    else if (field === 3) readAttribute(reader, event.attributes, seen)
    else reader.skip()
  }
  reader.leave(outer)
  return event
}

function readLog(reader: ProtoReader): OtlpLog {
  const log: OtlpLog = {
    timeMs: 0,
    observedMs: 0,
    severityNumber: 0,
    severityText: '',
    body: null,
    eventName: '',
    attributes: createAttributes(),
    traceId: '',
    spanId: '',
  }
  const seen = { count: 0 }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) log.timeMs = reader.nanosAsMs()
    else if (field === 2) log.severityNumber = reader.uint()
    else if (field === 3) log.severityText = reader.text()
    else if (field === 5) log.body = readValue(reader, { values: OTLP_LIMITS.nestedValuesMax })
    else if (field === 6) readAttribute(reader, log.attributes, seen)
    else if (field === 9) log.traceId = reader.hex()
    else if (field === 10) log.spanId = reader.hex()
    else if (field === 11) log.observedMs = reader.nanosAsMs()
    else if (field === 12) log.eventName = reader.text()
    else reader.skip()
  }
  noteDropped(log.attributes, seen.count)
  return log
}

/** Attributes past the bound are passed over: half of them are better than no span. */
function readAttribute(reader: ProtoReader, into: Attributes, seen: { count: number }): void {
  seen.count += 1
  if (seen.count > OTLP_LIMITS.attributesMax) {
    reader.skip()
    return
  }
  readPair(reader, into, { values: OTLP_LIMITS.nestedValuesMax })
}

export function noteDropped(attributes: Attributes, count: number): void {
  const dropped = count - OTLP_LIMITS.attributesMax
  if (dropped > 0) attributes['otel.dropped_attributes'] = dropped
}

function readPair(reader: ProtoReader, into: Attributes, budget: { values: number }): void {
  let name = ''
  let value: AttributeValue = null
  const outer = reader.enter()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text()
    else if (field === 2) value = readValue(reader, budget)
    else reader.skip()
  }
  reader.leave(outer)
  setAttribute(into, name, value)
}

function readValue(reader: ProtoReader, budget: { values: number }): AttributeValue {
  let value: AttributeValue = null
  const outer = reader.enter()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) value = reader.text()
    else if (field === 2) value = reader.uint() !== 0
    else if (field === 3) value = reader.int64()
    else if (field === 4) value = reader.double()
    else if (field === 5) value = readList(reader, budget)
    else if (field === 6) value = readMap(reader, budget)
    else if (field === 7) value = reader.base64()
    else reader.skip()
  }
  reader.leave(outer)
  return value
}

function readList(reader: ProtoReader, budget: { values: number }): AttributeValue[] {
  const values: AttributeValue[] = []
  const outer = reader.enter()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1 && (budget.values -= 1) >= 0) values.push(readValue(reader, budget))
    else reader.skip()
  }
  reader.leave(outer)
  return values
}

function readMap(reader: ProtoReader, budget: { values: number }): Attributes {
  const map = createAttributes()
  const outer = reader.enter()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1 && (budget.values -= 1) >= 0) readPair(reader, map, budget)
    else reader.skip()
  }
  reader.leave(outer)
  return map
}
