/** What OTLP says, as far as Faultline reads it: the same shape from protobuf and from JSON. */

export type AttributeValue = string | number | boolean | null | object
export type Attributes = Record<string, AttributeValue>

/** Times are milliseconds since the epoch with a fraction; 0 is not given. Ids are lower-case hexadecimal. */
export interface OtlpSpan {
  traceId: string
  spanId: string
  parentSpanId: string
  name: string
  kind: number
  startMs: number
  endMs: number
  attributes: Attributes
  events: OtlpSpanEvent[]
  statusCode: number
  statusMessage: string
}

export interface OtlpSpanEvent {
  name: string
  timeMs: number
  attributes: Attributes
}

export interface OtlpLog {
  timeMs: number
  observedMs: number
  severityNumber: number
  severityText: string
  body: AttributeValue
  eventName: string
  attributes: Attributes
  traceId: string
  spanId: string
}

/** Records of one resource. */
export interface OtlpGroup<T> {
  resource: Attributes
  records: T[]
}

export const SPAN_KIND = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const
export const STATUS_ERROR = 2

/** What hostile bodies run into before they cost anything. */
export const OTLP_LIMITS = {
  /** Refused: spans or log records of a body. */
  recordsMax: 10_000,
  /** Refused: resources and scopes of a body. */
  groupsMax: 10_000,
  /** Refused: messages inside messages; an attribute nested once costs three. */
  depthMax: 64,
  /** Left out and counted in `otel.dropped_attributes`. */
  attributesMax: 128,
  resourceAttributesMax: 64,
  /** Left out: further events of a span. */
  spanEventsMax: 128,
  /** Values of one nested attribute that are read; the door refuses what has more than a thousand. */
  nestedValuesMax: 1_001,
  /** Exceptions of one span that become events. */
  exceptionsMax: 8,
} as const

/** Counts what a body holds, so that a few bytes cannot become millions of objects. */
export interface Budget {
  records: number
  groups: number
}

export function createAttributes(): Attributes {
  return {}
}

/** `__proto__` would set the prototype instead of a property. */
export function setAttribute(attributes: Attributes, name: string, value: AttributeValue): void {
  attributes[name === '__proto__' ? '_proto_' : name] = value
}
