import { expect, it } from 'vitest'
import { clientError, envelopeOf } from '#/dashboard/src/lib/report/envelope.ts'
import { parseEnvelope } from './envelope.ts'
import { errorEvent } from './error-event.ts'

const ORIGIN = 'http://127.0.0.1:3000'

function thrown(stack: string): Error {
  const error = new TypeError('x is undefined')
  error.stack = stack
  return error
}

const V8 = `TypeError: x is undefined
    at draw (${ORIGIN}/_app/immutable/chunks/a1b2.js:12:34)
    at async Page.load (${ORIGIN}/_app/immutable/nodes/4.js:1:99)
    at ${ORIGIN}/_app/immutable/entry/app.js:1:2`
const GECKO = `draw@${ORIGIN}/_app/immutable/chunks/a1b2.js:12:34
load@${ORIGIN}/_app/immutable/nodes/4.js:1:99`

it.each([
  ['V8', V8, ['draw', 'Page.load', '?']],
  ['Gecko and WebKit', GECKO, ['draw', 'load']],
])('[E9] an error of %s becomes an event with its stack', (_, stack, names) => {
  const error = clientError(thrown(stack), ORIGIN)
  const text = envelopeOf(error!, {
    origin: ORIGIN,
    url: `${ORIGIN}/incidents/17`,
    route: '/incidents/[id]',
    agent: 'a browser',
    nowMs: 1_795_750_200_000,
    id: 'a'.repeat(32),
  })
  const [item] = parseEnvelope(Buffer.from(text)).items
  const event = errorEvent(
    JSON.parse(item!.payload.toString()) as object as Record<string, unknown>,
    {
      service: '',
    },
  )
  expect(event).toMatchObject({
    event_type: 'error',
    service: 'dashboard',
    route: '/incidents/[id]',
    error_type: 'TypeError',
    message: 'x is undefined',
    occurred_at: 1_795_750_200_000,
  })
  const frames = event['stack'] as {
    function: string
    file: string
    line: number
    in_app: boolean
  }[]
  expect(frames.map((frame) => frame.function)).toEqual(names)
  expect(frames[0]).toMatchObject({
    file: `${ORIGIN}/_app/immutable/chunks/a1b2.js`,
    line: 12,
    in_app: true,
  })
})

it('what is no fault of the page is not told', () => {
  expect(clientError(thrown('E: x\n    at a (chrome-extension://abc/x.js:1:2)'), ORIGIN)).toBeNull()
  expect(clientError(new DOMException('given up', 'AbortError'), ORIGIN)).toBeNull()
  expect(clientError(null, ORIGIN)).toBeNull()
  expect(clientError('a text', ORIGIN)).toMatchObject({ type: 'Thrown', message: 'a text' })
})
