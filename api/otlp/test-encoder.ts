/** Writes OTLP's protobuf for tests, from the JSON encoding of the same request. */

type Fields = Record<string, unknown>

interface FieldSpec {
  number: number
  kind: 'text' | 'hex' | 'varint' | 'nanos' | 'message'
  spec?: () => MessageSpec
}
type MessageSpec = Readonly<Record<string, FieldSpec>>

const message = (number: number, spec: () => MessageSpec): FieldSpec => ({
  number,
  kind: 'message',
  spec,
})
const plain = (number: number, kind: FieldSpec['kind']): FieldSpec => ({ number, kind })

const RESOURCE: MessageSpec = { attributes: message(1, () => PAIR) }
const PAIR: MessageSpec = { key: plain(1, 'text'), value: message(2, () => VALUE) }
const VALUE: MessageSpec = {
  stringValue: plain(1, 'text'),
  boolValue: plain(2, 'varint'),
  intValue: plain(3, 'varint'),
  arrayValue: message(5, () => ({ values: message(1, () => VALUE) })),
  kvlistValue: message(6, () => ({ values: message(1, () => PAIR) })),
}
const SPAN: MessageSpec = {
  traceId: plain(1, 'hex'),
  spanId: plain(2, 'hex'),
  parentSpanId: plain(4, 'hex'),
  name: plain(5, 'text'),
  kind: plain(6, 'varint'),
  startTimeUnixNano: plain(7, 'nanos'),
  endTimeUnixNano: plain(8, 'nanos'),
  attributes: message(9, () => PAIR),
  events: message(11, () => ({
    timeUnixNano: plain(1, 'nanos'),
    name: plain(2, 'text'),
    attributes: message(3, () => PAIR),
  })),
  status: message(15, () => ({ message: plain(2, 'text'), code: plain(3, 'varint') })),
}
const LOG: MessageSpec = {
  timeUnixNano: plain(1, 'nanos'),
  severityNumber: plain(2, 'varint'),
  severityText: plain(3, 'text'),
  body: message(5, () => VALUE),
  attributes: message(6, () => PAIR),
  traceId: plain(9, 'hex'),
  spanId: plain(10, 'hex'),
  observedTimeUnixNano: plain(11, 'nanos'),
  eventName: plain(12, 'text'),
}

function requestSpec(names: readonly [string, string, string], record: MessageSpec): MessageSpec {
  const [groups, scopes, records] = names
  const scope: MessageSpec = { [records]: message(2, () => record) }
  const group = { resource: message(1, () => RESOURCE), [scopes]: message(2, () => scope) }
  return { [groups]: message(1, () => group) }
}
const TRACES = requestSpec(['resourceSpans', 'scopeSpans', 'spans'], SPAN)
const LOGS = requestSpec(['resourceLogs', 'scopeLogs', 'logRecords'], LOG)

export const encodeTraces = (request: object): Buffer => encodeMessage(request as Fields, TRACES)
export const encodeLogs = (request: object): Buffer => encodeMessage(request as Fields, LOGS)

function encodeMessage(fields: Fields, spec: MessageSpec): Buffer {
  const parts = Object.entries(fields).flatMap(([name, value]) => {
    const field = spec[name]
    if (field === undefined || value === undefined) return []
    const values = Array.isArray(value) ? (value as unknown[]) : [value]
    return values.map((one) => encodeField(field, one))
  })
  return Buffer.concat(parts)
}

function encodeField({ number, kind, spec }: FieldSpec, value: unknown): Buffer {
  if (kind === 'varint') return Buffer.concat([tag(number, 0), varint(BigInt(Number(value)))])
  if (kind === 'nanos') {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt(String(value)))
    return Buffer.concat([tag(number, 1), bytes])
  }
  return delimited(number, contentOf({ kind, value, ...(spec === undefined ? {} : { spec }) }))
}

function contentOf(given: {
  kind: FieldSpec['kind']
  value: unknown
  spec?: () => MessageSpec
}): Buffer {
  const { kind, value, spec } = given
  if (kind === 'hex') return Buffer.from(String(value), 'hex')
  if (kind === 'text') return Buffer.from(String(value), 'utf8')
  return encodeMessage(value as Fields, spec?.() ?? {})
}

export function delimited(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([tag(number, 2), varint(BigInt(bytes.length)), bytes])
}

export function tag(number: number, wire: number): Buffer {
  return varint(BigInt(number * 8 + wire))
}

export function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}
