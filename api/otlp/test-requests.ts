/** Requests as an OpenTelemetry Collector writes them as JSON, made here after the specification. */

type Value = string | number | boolean | readonly string[]

/** OTLP's list of attributes. */
export function pairs(attributes: Readonly<Record<string, Value>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }))
}

function valueOf(value: Value): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number') return { intValue: `${value}` }
  return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } }
}

export interface SpanWish {
  traceId?: string
  spanId: string
  parentSpanId?: string
  name?: string
  kind?: number
  attributes?: Readonly<Record<string, Value>>
  events?: readonly object[]
  status?: object
}

export const TRACE_ID = '5b8efff798038103d269b633813fc60c'
export const START_NANOS = '1795750200000000000'
export const START_MS = 1_795_750_200_000

export function span(wish: SpanWish): object {
  const { attributes = {}, ...rest } = wish
  return {
    traceId: TRACE_ID,
    name: 'GET /api/orders/{id}',
    kind: 2,
    startTimeUnixNano: START_NANOS,
    endTimeUnixNano: '1795750200041500000',
    ...rest,
    attributes: pairs(attributes),
  }
}

export function exception(type: string, text: string, stack = ''): object {
  const attributes = pairs({
    'exception.type': type,
    'exception.message': text,
    'exception.stacktrace': stack,
  })
  return { timeUnixNano: '1795750200030000000', name: 'exception', attributes }
}

export function resource(service: string, more: Readonly<Record<string, Value>> = {}): object {
  return { attributes: pairs({ 'service.name': service, ...more }) }
}

export function traces(...groups: readonly { service: string; spans: readonly object[] }[]) {
  return {
    resourceSpans: groups.map(({ service, spans }) => ({
      resource: resource(service),
      scopeSpans: [{ scope: { name: 'my.library', version: '1.0.0' }, spans }],
    })),
  }
}

export function logs(service: string, records: readonly object[]) {
  return {
    resourceLogs: [
      {
        resource: resource(service),
        scopeLogs: [{ scope: { name: 'my.library' }, logRecords: records }],
      },
    ],
  }
}

export function log(wish: {
  body?: object
  severityNumber?: number
  severityText?: string
  attributes?: Readonly<Record<string, Value>>
  timeUnixNano?: string
  eventName?: string
}): object {
  const { attributes = {}, ...rest } = wish
  return { timeUnixNano: START_NANOS, ...rest, attributes: pairs(attributes) }
}
