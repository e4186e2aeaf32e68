/** Shapes of answers written by hand after each provider's documentation; no provider is called. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { createOpenAiModel } from './openai.ts'
import { ModelError } from './port.ts'
import { startTestEndpoint, type Reply, type TestEndpoint } from './test-endpoint.ts'

interface Provider {
  name: string
  model: string
  good: object
  bad: Reply
  failure: ModelError['failure']
  retryAfterMs?: number
  usage: { prompt: number; completion: number }
  answeredBy: string
}

const JSON_TEXT = '{"a":"b"}'
const base = { object: 'chat.completion', created: 1_764_000_000 }
const message = (rest: object = {}) => ({ role: 'assistant', content: JSON_TEXT, ...rest })

const PROVIDERS: readonly Provider[] = [
  {
    name: 'OpenAI',
    model: 'gpt-5-mini',
    good: {
      ...base,
      id: 'chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG',
      model: 'gpt-5-mini-2025-08-07',
      choices: [
        {
          index: 0,
          message: message({ refusal: null, annotations: [] }),
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 19,
        completion_tokens: 10,
        total_tokens: 29,
        prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 0,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
        },
      },
      service_tier: 'default',
      system_fingerprint: null,
    },
    bad: {
      status: 429,
      headers: {
        'retry-after': '20',
        'retry-after-ms': '19500',
        'x-ratelimit-remaining-tokens': '0',
      },
      body: {
        error: {
          message: 'Rate limit reached',
          type: 'tokens',
          param: null,
          code: 'rate_limit_exceeded',
        },
      },
    },
    failure: 'limited',
    retryAfterMs: 19_500,
    usage: { prompt: 19, completion: 10 },
    answeredBy: 'gpt-5-mini-2025-08-07',
  },
  {
    name: 'Azure OpenAI',
    model: 'my-deployment',
    good: {
      ...base,
      id: 'chatcmpl-azure',
      model: 'gpt-4.1-mini-2025-04-14',
      prompt_filter_results: [
        {
          prompt_index: 0,
          content_filter_results: { hate: { filtered: false, severity: 'safe' } },
        },
      ],
      choices: [
        {
          index: 0,
          message: message(),
          finish_reason: 'stop',
          content_filter_results: { violence: { filtered: false, severity: 'safe' } },
        },
      ],
      usage: { prompt_tokens: 21, completion_tokens: 5, total_tokens: 26 },
    },
    bad: {
      status: 404,
      body: {
        error: {
          code: 'DeploymentNotFound',
          message: 'The API deployment for this resource does not exist.',
        },
      },
    },
    failure: 'refused',
    usage: { prompt: 21, completion: 5 },
    answeredBy: 'gpt-4.1-mini-2025-04-14',
  },
  {
    name: 'Anthropic',
    model: 'claude-sonnet-4-5',
    good: {
      ...base,
      id: 'msg_01',
      model: 'claude-sonnet-4-5',
      // The schema is ignored there, and the answer may come in a fence.
      choices: [
        {
          index: 0,
          message: message({ content: `\`\`\`json\n${JSON_TEXT}\n\`\`\`` }),
          finish_reason: 'stop',
          logprobs: null,
        },
      ],
      usage: { prompt_tokens: 30, completion_tokens: 9, total_tokens: 39 },
    },
    bad: {
      status: 529,
      body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    },
    failure: 'unavailable',
    usage: { prompt: 30, completion: 9 },
    answeredBy: 'claude-sonnet-4-5',
  },
  {
    name: 'Ollama',
    model: 'llama3.2',
    good: {
      ...base,
      id: 'chatcmpl-17',
      model: 'llama3.2',
      system_fingerprint: 'fp_ollama',
      choices: [{ index: 0, message: message(), finish_reason: 'stop' }],
      usage: { prompt_tokens: 26, completion_tokens: 8, total_tokens: 34 },
    },
    bad: {
      status: 404,
      body: {
        error: {
          message: 'model "llama3.2" not found, try pulling it first',
          type: 'api_error',
          param: null,
          code: null,
        },
      },
    },
    failure: 'refused',
    usage: { prompt: 26, completion: 8 },
    answeredBy: 'llama3.2',
  },
  {
    name: 'vLLM',
    model: 'meta-llama/Llama-3.3-70B-Instruct',
    good: {
      ...base,
      id: 'chatcmpl-d7e2',
      model: 'meta-llama/Llama-3.3-70B-Instruct',
      choices: [
        {
          index: 0,
          message: message({ reasoning_content: null, tool_calls: [] }),
          logprobs: null,
          finish_reason: 'stop',
          stop_reason: null,
        },
      ],
      usage: {
        prompt_tokens: 44,
        total_tokens: 52,
        completion_tokens: 8,
        prompt_tokens_details: null,
      },
      prompt_logprobs: null,
      kv_transfer_params: null,
    },
    bad: {
      status: 401,
      body: { error: 'Unauthorized' },
    },
    failure: 'refused',
    usage: { prompt: 44, completion: 8 },
    answeredBy: 'meta-llama/Llama-3.3-70B-Instruct',
  },
  {
    name: 'DigitalOcean Gradient',
    model: 'llama3.3-70b-instruct',
    good: {
      ...base,
      id: '',
      model: 'llama3.3-70b-instruct',
      choices: [
        { index: 0, message: message({ refusal: '' }), finish_reason: 'stop', logprobs: null },
      ],
      usage: { prompt_tokens: 43, completion_tokens: 8, total_tokens: 51 },
    },
    bad: { status: 503, headers: { 'retry-after': '3' }, body: 'upstream connect error' },
    failure: 'unavailable',
    retryAfterMs: 3000,
    usage: { prompt: 43, completion: 8 },
    answeredBy: 'llama3.3-70b-instruct',
  },
]

let endpoint: TestEndpoint
beforeAll(async () => {
  endpoint = await startTestEndpoint()
})
afterAll(() => endpoint[Symbol.asyncDispose]())

describe.each(PROVIDERS)('[I6] the shapes of $name', (provider) => {
  const { model: name, good, bad, failure, usage, answeredBy } = provider
  const model = () =>
    createOpenAiModel({
      url: endpoint.url,
      key: 'k',
      model: name,
      timeoutMs: 2000,
      clock: systemClock,
    })
  const request = { system: 's', user: 'u', schema: { name: 'x', schema: {} }, tokensMax: 10 }

  it('an answer', async () => {
    endpoint.reply(() => ({ status: 200, body: good }))
    const answer = await model().ask(request)
    expect(answer).toMatchObject({ usage, model: answeredBy, truncated: false })
    expect(answer.text).toContain(JSON_TEXT)
  })

  it('a failure', async () => {
    endpoint.reply(() => bad)
    const error = await model()
      .ask(request)
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ModelError)
    expect(error).toMatchObject({ failure, retryAfterMs: provider.retryAfterMs })
  })
})
