import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createManualClock, systemClock } from '#/kernel/clock.ts'
import { createOpenAiModel } from './openai.ts'
import { ModelError } from './port.ts'
import type { ModelRequest } from './port.ts'
import { completionOf, startTestEndpoint, type TestEndpoint } from './test-endpoint.ts'

const SECRET = 'sk-very-secret-0123456789'
const REQUEST: ModelRequest = {
  system: 'You count.',
  user: 'E1: The issues count 12 events.',
  schema: {
    name: 'summary',
    schema: {
      type: 'object',
      properties: { a: { type: 'string', maxLength: 5 } },
      required: ['a'],
      additionalProperties: false,
    },
  },
  tokensMax: 300,
}

let endpoint: TestEndpoint
beforeAll(async () => {
  endpoint = await startTestEndpoint()
})
afterAll(() => endpoint[Symbol.asyncDispose]())
beforeEach(() => {
  endpoint.reply(undefined)
  endpoint.answer('good')
  endpoint.calls.length = 0
})

const modelAt = (part: Partial<Parameters<typeof createOpenAiModel>[0]> = {}) =>
  createOpenAiModel({
    url: endpoint.url,
    key: SECRET,
    model: 'm-1',
    timeoutMs: 2000,
    clock: systemClock,
    ...part,
  })

const failureOf = async (call: Promise<unknown>): Promise<ModelError> => {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (thrown instanceof ModelError) return thrown
  throw new Error(`no ModelError: ${String(thrown)}`)
}

describe('the client of OpenAI-compatible endpoints', () => {
  it('[I6] sends the schema, the bound and the key, and gives text, cost and model', async () => {
    const answer = await modelAt().ask(REQUEST)
    expect(answer).toMatchObject({
      usage: { prompt: 900, completion: 100 },
      model: 'm-1',
      truncated: false,
    })
    const [call] = endpoint.calls
    expect(call?.headers['authorization']).toBe(`Bearer ${SECRET}`)
    expect(call?.body).toMatchObject({ model: 'm-1', max_tokens: 300 })
    expect(call?.body.response_format).toMatchObject({
      type: 'json_schema',
      json_schema: { name: 'summary', strict: true },
    })
    // Strict endpoints refuse bounds of length: they stand in the words, which hold for all.
    expect(JSON.stringify(call?.body.response_format)).not.toContain('maxLength')
    expect(call?.body.messages[0]?.content).toContain('maxLength')
    expect(JSON.stringify(call?.body)).not.toMatch(/"tools"|"functions"/)
  })

  it('[I6] needs no key where the endpoint asks for none', async () => {
    await modelAt({ key: undefined }).ask(REQUEST)
    expect(endpoint.calls[0]?.headers['authorization']).toBe('Bearer none')
  })

  it('never tells the key or what was asked, whatever goes wrong', async () => {
    endpoint.reply(() => ({
      status: 401,
      body: { error: { message: `Incorrect API key provided: ${SECRET}` } },
    }))
    const error = await failureOf(modelAt().ask(REQUEST))
    expect(error.failure).toBe('refused')
    expect(error.message).toBe('the endpoint answered 401')
    const model = modelAt()
    expect(JSON.stringify(model)).not.toContain(SECRET)
  })

  it('says when to come again after a 429, in seconds or milliseconds', async () => {
    endpoint.answer('limited')
    expect(await failureOf(modelAt().ask(REQUEST))).toMatchObject({
      failure: 'limited',
      retryAfterMs: 7000,
    })
    endpoint.reply(() => ({ status: 429, headers: { 'retry-after-ms': '250' }, body: {} }))
    expect((await failureOf(modelAt().ask(REQUEST))).retryAfterMs).toBe(250)
    endpoint.reply(() => ({ status: 429, headers: { 'retry-after': 'soon' }, body: {} }))
    expect((await failureOf(modelAt().ask(REQUEST))).retryAfterMs).toBeUndefined()
  })

  it('asks once: retries belong to the job', async () => {
    endpoint.answer('server_error')
    expect((await failureOf(modelAt().ask(REQUEST))).failure).toBe('unavailable')
    expect(endpoint.calls).toHaveLength(1)
  })

  it.each(['hang', 'slow_stream'] as const)(
    'gives up on a %s when its time is over',
    async (mode) => {
      endpoint.answer(mode)
      const clock = createManualClock()
      const asking = failureOf(modelAt({ clock, timeoutMs: 60_000 }).ask(REQUEST))
      while (endpoint.calls.length === 0) await systemClock.sleep(5)
      await clock.advance(60_000)
      expect(await asking).toMatchObject({
        failure: 'unavailable',
        message: 'the endpoint did not finish its answer within 60 s',
      })
    },
  )

  it('stops when it is told to', async () => {
    endpoint.answer('hang')
    const stop = new AbortController()
    const asking = failureOf(modelAt().ask(REQUEST, stop.signal))
    while (endpoint.calls.length === 0) await systemClock.sleep(5)
    stop.abort()
    expect((await asking).failure).toBe('unavailable')
  })

  it.each([
    ['a page of something else', '<html>Welcome</html>'],
    ['no choices', { object: 'chat.completion', choices: [] }],
    ['null', null],
  ])('takes %s for an endpoint that is not there', async (_, body) => {
    endpoint.reply(() => ({
      status: 200,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }))
    expect((await failureOf(modelAt().ask(REQUEST))).failure).toBe('unavailable')
  })

  it('says unavailable when nobody listens', async () => {
    const model = modelAt({ url: 'http://127.0.0.1:9/v1' })
    expect(await failureOf(model.ask(REQUEST))).toMatchObject({ failure: 'unavailable' })
  })

  it('estimates the cost where the endpoint does not count, and bounds what it takes', async () => {
    endpoint.reply(() => ({
      status: 200,
      body: { choices: [{ message: { content: 'x'.repeat(100_000) }, finish_reason: 'length' }] },
    }))
    const answer = await modelAt().ask(REQUEST)
    expect(answer.text).toHaveLength(64_000)
    expect(answer.truncated).toBe(true)
    expect(answer.usage.completion).toBe(16_000)
    expect(answer.usage.prompt).toBeGreaterThan(10)
  })

  it('learns from a refusal how an endpoint wants to be asked, and remembers', async () => {
    const told: string[] = []
    endpoint.reply(({ max_tokens, response_format }) => {
      const wrong =
        max_tokens !== undefined
          ? "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
          : response_format?.type === 'json_schema'
            ? 'response_format json_schema is not supported'
            : ''
      if (wrong !== '') told.push(wrong)
      return wrong === ''
        ? { status: 200, body: completionOf('{"a":"b"}') }
        : { status: 400, body: { error: { message: wrong } } }
    })
    const model = modelAt()
    expect((await model.ask(REQUEST)).text).toBe('{"a":"b"}')
    expect(told).toHaveLength(2)
    await model.ask(REQUEST)
    expect(told).toHaveLength(2)
    expect(endpoint.calls.at(-1)?.body).toMatchObject({
      max_completion_tokens: 300,
      response_format: { type: 'json_object' },
    })
  })

  it('does not repeat a refusal that asking differently would not cure', async () => {
    endpoint.reply(() => ({ status: 400, body: { error: { message: 'context too long' } } }))
    expect((await failureOf(modelAt().ask(REQUEST))).failure).toBe('refused')
    expect(endpoint.calls).toHaveLength(1)
  })
})
