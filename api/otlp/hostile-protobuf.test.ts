import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApp } from '#/api/test-app.ts'
import type { TestApp } from '#/api/test-app.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import { LIMITS } from '#/schemas/event-input.ts'
import { readLogsProtobuf, readTracesProtobuf } from './read-protobuf.ts'
import { delimited, encodeLogs, encodeTraces, tag, varint } from './test-encoder.ts'
import { exception, log, logs, span, traces } from './test-requests.ts'

const TRACES = encodeTraces(
  traces({
    service: 'orders',
    spans: [
      span({
        spanId: '00000000000000a1',
        attributes: { a: 'b', c: 4 },
        events: [exception('E', 'm', 's')],
      }),
    ],
  }),
)
const LOGS = encodeLogs(
  logs('orders', [log({ body: { stringValue: 'hello' }, severityNumber: 9 })]),
)

/** Reads or says why not; anything else is a fault of the reader. */
function outcome(read: () => unknown): string {
  try {
    read()
    return 'read'
  } catch (error) {
    if (isFaultlineError(error, 'invalid_encoding') || isFaultlineError(error, 'body_too_large'))
      return error.code
    throw error
  }
}

const readBoth = (bytes: Uint8Array): void => {
  for (const read of [readTracesProtobuf, readLogsProtobuf]) outcome(() => read(Buffer.from(bytes)))
}

describe('hostile protobuf', () => {
  it('random bytes are read or refused, and never break', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => readBoth(bytes)),
      { numRuns: 3_000 },
    )
  })

  it('a request with some bytes changed is read or refused', () => {
    const change = fc.record({
      at: fc.nat(TRACES.length - 1),
      byte: fc.nat(255),
    })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        for (const original of [TRACES, LOGS]) {
          const bytes = Buffer.from(original)
          for (const { at, byte } of changes) bytes[at % bytes.length] = byte
          readBoth(bytes)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('every truncation is refused, the whole is read', () => {
    expect(outcome(() => readTracesProtobuf(TRACES))).toBe('read')
    for (let length = 1; length < TRACES.length; length += 1)
      expect(outcome(() => readTracesProtobuf(TRACES.subarray(0, length)))).toBe('invalid_encoding')
  })

  it.each([
    ['a length of 2^63', Buffer.concat([tag(1, 2), varint(2n ** 63n)])],
    ['a number without end', Buffer.alloc(40, 0xff)],
    ['field 0', Buffer.from([0, 0])],
    ['a group', Buffer.from([0x0b, 0x0c])],
    ['a text where a message belongs', Buffer.concat([tag(1, 0), varint(4n)])],
  ])('%s is refused', (_, bytes) => {
    expect(outcome(() => readTracesProtobuf(bytes))).toBe('invalid_encoding')
  })

  it('nesting is bounded before the stack is', () => {
    let value = delimited(1, Buffer.from('deep'))
    for (let depth = 0; depth < 5_000; depth += 1) value = delimited(5, delimited(1, value))
    const attribute = Buffer.concat([delimited(1, Buffer.from('k')), delimited(2, value)])
    const body = delimited(1, delimited(2, delimited(2, delimited(9, attribute))))
    expect(outcome(() => readTracesProtobuf(body))).toBe('invalid_encoding')
  })

  it('a few bytes do not become millions of objects', () => {
    const many = (bytes: Buffer): Buffer =>
      Buffer.concat(Array.from({ length: 200_000 }, () => bytes))
    const empty = (field: number): Buffer => delimited(field, Buffer.alloc(0))
    expect(outcome(() => readTracesProtobuf(many(empty(1))))).toBe('body_too_large')
    expect(outcome(() => readTracesProtobuf(delimited(1, many(empty(2)))))).toBe('body_too_large')
    const spans = delimited(1, delimited(2, many(empty(2))))
    expect(outcome(() => readTracesProtobuf(spans))).toBe('body_too_large')
    const attributes = delimited(1, delimited(2, delimited(2, many(empty(9)))))
    const [group] = readTracesProtobuf(attributes)
    expect(group?.records[0]?.attributes).toEqual({ '': null, 'otel.dropped_attributes': 199_872 })
    const events = delimited(1, delimited(2, delimited(2, many(empty(11)))))
    expect(readTracesProtobuf(events)[0]?.records[0]?.events).toHaveLength(128)
  })
})

describe('hostile bodies at the door', () => {
  let test: TestApp
  beforeAll(async () => {
    test = await createTestApp()
  })
  afterAll(() => test.close())

  it('rubbish, too much and a bomb get a 4xx each, and the good one after them is taken', async () => {
    const headers = { 'content-type': 'application/x-protobuf' }
    const send = (body: Buffer) => test.post(body, { url: '/v1/traces', headers })
    expect((await send(Buffer.from('hello, world'))).status).toBe(400)
    expect((await send(Buffer.alloc(LIMITS.bodyBytesMax + 1))).status).toBe(413)
    const deep = `{"resourceSpans":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
    expect((await test.post(deep, { url: '/v1/traces' })).status).toBe(400)
    expect((await send(TRACES)).status).toBe(200)
    expect(await test.rawEvents()).toHaveLength(2)
  })
})
