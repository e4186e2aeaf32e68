import { textOf } from '#/api/ingest/input.ts'
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
import { countGroup, countRecord, noteDropped } from './read-protobuf.ts'

/**
 * OTLP's JSON (opentelemetry-proto, "JSON Protobuf Encoding"): names in lowerCamelCase, ids in hexadecimal, 64-bit
 * numbers as text or number, enumerations as numbers. What is unknown is passed over; a list that is none is refused
 * with its place.
 */
export function readTracesJson(value: unknown): OtlpGroup<OtlpSpan>[] {
  const names = { groups: 'resourceSpans', scopes: 'scopeSpans', records: 'spans' }
  return readRequest(value, names, readSpan)
}

export function readLogsJson(value: unknown): OtlpGroup<OtlpLog>[] {
  const names = { groups: 'resourceLogs', scopes: 'scopeLogs', records: 'logRecords' }
  return readRequest(value, names, readLog)
}

interface Names {
  groups: string
  scopes: string
  records: string
}

type Fields = Record<string, unknown>

function readRequest<T>(
  value: unknown,
  names: Names,
  readRecord: (record: Fields, path: string) => T,
): OtlpGroup<T>[] {
  const budget: Budget = { records: 0, groups: 0 }
  const request = object(value, 'the body')
  return list(request[names.groups], names.groups).map((item, index) => {
    const path = `${names.groups}[${index}]`
    countGroup(budget)
    const group = object(item, path)
    const resource = optionalObject(group['resource'], `${path}.resource`)
    const records: T[] = []
    const scopes = list(group[names.scopes], `${path}.${names.scopes}`)
    for (const [at, scope] of scopes.entries()) {
      countGroup(budget)
      const scopePath = `${path}.${names.scopes}[${at}]`
      const found = list(object(scope, scopePath)[names.records], `${scopePath}.${names.records}`)
      for (const [place, record] of found.entries()) {
        countRecord(budget)
        const recordPath = `${scopePath}.${names.records}[${place}]`
        records.push(readRecord(object(record, recordPath), recordPath))
      }
    }
    const attributes = readAttributes(resource['attributes'], `${path}.resource.attributes`)
    return { resource: attributes, records }
  })
}

function readSpan(span: Fields, path: string): OtlpSpan {
  const status = optionalObject(span['status'], `${path}.status`)
  const events = list(span['events'], `${path}.events`).slice(0, OTLP_LIMITS.spanEventsMax)
  return {
    traceId: hex(span['traceId']),
    spanId: hex(span['spanId']),
    parentSpanId: hex(span['parentSpanId']),
    name: textOf(span['name']),
    kind: enumeration(span['kind'], SPAN_KINDS),
    startMs: millis(span['startTimeUnixNano']),
    endMs: millis(span['endTimeUnixNano']),
    attributes: readAttributes(span['attributes'], `${path}.attributes`),
    events: events.map((event, index) => readSpanEvent(event, `${path}.events[${index}]`)),
    statusCode: enumeration(status['code'], STATUS_CODES),
    statusMessage: textOf(status['message']),
  }
}

function readSpanEvent(value: unknown, path: string): OtlpSpanEvent {
  const event = object(value, path)
  return {
    name: textOf(event['name']),
    timeMs: millis(event['timeUnixNano']),
    attributes: readAttributes(event['attributes'], `${path}.attributes`),
  }
}

function readLog(log: Fields, path: string): OtlpLog {
  return {
    timeMs: millis(log['timeUnixNano']),
    observedMs: millis(log['observedTimeUnixNano']),
    severityNumber: enumeration(log['severityNumber'], SEVERITIES),
    severityText: textOf(log['severityText']),
    body: readValue(log['body'], { values: OTLP_LIMITS.nestedValuesMax }, 0),
    eventName: textOf(log['eventName']),
    attributes: readAttributes(log['attributes'], `${path}.attributes`),
    traceId: hex(log['traceId']),
    spanId: hex(log['spanId']),
  }
}

function readAttributes(value: unknown, path: string): Attributes {
  const attributes = createAttributes()
  const pairs = list(value, path)
  for (const pair of pairs.slice(0, OTLP_LIMITS.attributesMax))
    readPair(pair, attributes, { values: OTLP_LIMITS.nestedValuesMax }, 0)
  noteDropped(attributes, pairs.length)
  return attributes
}

function readPair(
  pair: unknown,
  into: Attributes,
  budget: { values: number },
  depth: number,
): void {
  if (typeof pair !== 'object' || pair === null) return
  const { key, value } = pair as { key?: unknown; value?: unknown }
  setAttribute(into, textOf(key), readValue(value, budget, depth))
}

/** AnyValue; protobuf's fields in JSON's clothes. */
function readValue(value: unknown, budget: { values: number }, depth: number): AttributeValue {
  if (typeof value !== 'object' || value === null) return null
  if (depth > OTLP_LIMITS.depthMax)
    throw refused('attributes', `Values are nested deeper than ${OTLP_LIMITS.depthMax}.`)
  const any = value as Fields
  if (any['stringValue'] !== undefined) return textOf(any['stringValue'])
  if (any['intValue'] !== undefined) return int64(any['intValue'])
  if (any['boolValue'] !== undefined) return any['boolValue'] === true
  if (any['doubleValue'] !== undefined) return Number(any['doubleValue'])
  if (any['bytesValue'] !== undefined) return textOf(any['bytesValue'])
  const inside = (name: 'arrayValue' | 'kvlistValue'): unknown[] => {
    const held = (any[name] as { values?: unknown } | null)?.values
    return Array.isArray(held) ? (held as unknown[]) : []
  }
  if (any['arrayValue'] !== undefined)
    return inside('arrayValue').flatMap((item) =>
      (budget.values -= 1) >= 0 ? [readValue(item, budget, depth + 1)] : [],
    )
  if (any['kvlistValue'] === undefined) return null
  const map = createAttributes()
  for (const pair of inside('kvlistValue')) {
    if ((budget.values -= 1) < 0) break
    readPair(pair, map, budget, depth + 1)
  }
  return map
}

const SPAN_KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  (name) => `SPAN_KIND_${name}`,
)
const STATUS_CODES = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR']
const SEVERITIES = [
  'UNSPECIFIED',
  ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) =>
    ['', '2', '3', '4'].map((step) => name + step),
  ),
].map((name) => `SEVERITY_NUMBER_${name}`)

/** Numbers are what the specification asks for; names are what protobuf's own JSON printers write. */
function enumeration(value: unknown, names: readonly string[]): number {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? value : 0
  return typeof value === 'string' ? Math.max(0, names.indexOf(value)) : 0
}

function int64(value: unknown): AttributeValue {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : textOf(value)
}

function millis(value: unknown): number {
  const nanos = typeof value === 'string' || typeof value === 'number' ? Number(value) : 0
  return Number.isFinite(nanos) && nanos > 0 ? nanos / 1e6 : 0
}

function hex(value: unknown): string {
  return typeof value === 'string' && value.length <= 64 ? value.toLowerCase() : ''
}

function list(value: unknown, path: string): unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value as unknown[]
  throw refused(path, `${path} must be a list.`)
}

function object(value: unknown, path: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw refused(path, `${path} must be an object.`)
}

function optionalObject(value: unknown, path: string): Fields {
  return value === undefined || value === null ? {} : object(value, path)
}

function refused(path: string, detail: string): FaultlineError {
  return new FaultlineError('invalid_request', detail, {
    path,
    remedy: 'Send OTLP as its JSON encoding has it, names in lowerCamelCase.',
  })
}
