import OpenAI, { APIConnectionError, APIError } from 'openai'
import type { ChatCompletion, ChatCompletionCreateParamsNonStreaming } from 'openai/resources'
import type { Clock } from '#/kernel/clock.ts'
import { messageOf } from '#/kernel/errors.ts'
import { ModelError, tokensOfText } from './port.ts'
import type { Model, ModelAnswer, ModelFailure, ModelRequest } from './port.ts'

export interface OpenAiOptions {
  /** `https://api.openai.com/v1`, or whatever else speaks the same protocol. */
  url: string
  /** Undefined where the endpoint asks for none, as on one's own machine. */
  key: string | undefined
  model: string
  /** For the whole answer, its last byte included. */
  timeoutMs: number
  clock: Clock
}

/** How an endpoint wants to be asked; learned from what it refuses. */
interface Dialect {
  format: 'schema' | 'object' | 'none'
  limit: 'max_completion_tokens' | 'max_tokens'
}

/** Answers are a page of text: an endpoint that sends more is not one. */
const ANSWER_CHARS_MAX = 64_000
/** Newer endpoints refuse the old name of the bound or ignore it, others know only the old one. */
const KNOWS_NEW_LIMIT = /(^|\.)(openai\.com|azure\.com|anthropic\.com|do-ai\.run)$/
/** A refusal teaches at most this often within one question. */
const LESSONS_MAX = 3

/**
 * Any endpoint that speaks OpenAI's chat completions: OpenAI, Azure OpenAI (v1), Anthropic's compatible endpoint,
 * Ollama, vLLM, DigitalOcean Gradient. Retries are not its business: the job that asks has its own.
 */
export function createOpenAiModel(options: OpenAiOptions): Model {
  const { url, key, model, timeoutMs, clock } = options
  const client = new OpenAI({
    baseURL: url,
    // The package insists on one; endpoints that need none ignore it.
    apiKey: key ?? 'none',
    // Whatever the environment says is for other programs.
    organization: null,
    project: null,
    maxRetries: 0,
    // Ours covers the body too, theirs ends with the headers.
    timeout: timeoutMs * 2,
    // Bodies and headers hold the key and log text: the package writes neither.
    logLevel: 'off',
  })
  const host = URL.parse(url)?.hostname ?? ''
  const dialect: Dialect = {
    format: 'schema',
    limit: KNOWS_NEW_LIMIT.test(host) ? 'max_completion_tokens' : 'max_tokens',
  }
  const once = async (request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer> => {
    for (let lessons = 0; ; lessons += 1) {
      const asked = { ...dialect }
      try {
        const body = bodyOf(model, request, asked)
        return answerOf(await client.chat.completions.create(body, { signal }), body)
      } catch (error) {
        if (lessons >= LESSONS_MAX || !learn(dialect, asked, error)) throw error
      }
    }
  }
  return {
    name: model,
    async ask(request, signal) {
      const ended = new AbortController()
      const cancel = (): void => ended.abort()
      signal?.addEventListener('abort', cancel, { once: true })
      const timer = new AbortController()
      let isLate = false
      const watch = async (): Promise<void> => {
        await clock.sleep(timeoutMs, timer.signal)
        if (timer.signal.aborted) return
        isLate = true
        ended.abort()
      }
      void watch()
      try {
        if (signal?.aborted === true) throw new ModelError('unavailable', 'cancelled')
        return await once(request, ended.signal)
      } catch (error) {
        throw isLate ? tooLate(timeoutMs, error) : modelErrorOf(error)
      } finally {
        timer.abort()
        signal?.removeEventListener('abort', cancel)
      }
    },
  }
}

function bodyOf(
  model: string,
  request: ModelRequest,
  { format, limit }: Dialect,
): ChatCompletionCreateParamsNonStreaming {
  const { name, schema } = request.schema
  const inWords = `\n\nAnswer with one JSON object of this JSON Schema and nothing else:\n${JSON.stringify(schema)}`
  return {
    model,
    messages: [
      // In words as well: some endpoints take the schema and ignore it.
      { role: 'system', content: `${request.system}${inWords}` },
      { role: 'user', content: request.user },
    ],
    [limit]: request.tokensMax,
    ...(format === 'schema'
      ? {
          response_format: {
            type: 'json_schema',
            json_schema: { name, schema: unbounded(schema), strict: true },
          },
        }
      : {}),
    ...(format === 'object' ? { response_format: { type: 'json_object' } } : {}),
  }
}

/** Strict endpoints know only part of JSON Schema; the rest stands in the words, and is checked when the answer is there. */
const BOUNDS = new Set(['maxLength', 'minLength', 'maxItems', 'minimum', 'maximum'])

function unbounded(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const text = JSON.stringify(schema, (name, value: unknown) =>
    BOUNDS.has(name) ? undefined : value,
  )
  return JSON.parse(text) as Record<string, unknown>
}

/** Answers true when the refusal was about how we asked, and asking differently is worth a try. */
function learn(dialect: Dialect, asked: Dialect, error: unknown): boolean {
  if (!(error instanceof APIError) || (error.status !== 400 && error.status !== 422)) return false
  const text = messageOf(error)
  if (/max_(completion_)?tokens/.test(text)) {
    dialect.limit = asked.limit === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens'
    return true
  }
  if (!/response_format|json_schema|json_object|structured|schema/i.test(text)) return false
  if (asked.format === 'none') return false
  dialect.format = asked.format === 'schema' ? 'object' : 'none'
  return true
}

/** Endpoints differ in what they leave out, so nothing of it is taken for granted. */
function answerOf(
  completion: Partial<ChatCompletion> | string,
  body: ChatCompletionCreateParamsNonStreaming,
): ModelAnswer {
  const isObject = typeof completion === 'object' && completion !== null
  const choice = isObject ? completion.choices?.[0] : undefined
  if (!isObject || choice === undefined)
    throw new ModelError('unavailable', 'the endpoint answered, but not as a chat completion')
  const { message } = choice as { message?: { content?: unknown } }
  const content = typeof message?.content === 'string' ? message.content : ''
  const text = content.slice(0, ANSWER_CHARS_MAX)
  const asked = JSON.stringify(body.messages)
  return {
    text,
    truncated: choice.finish_reason === 'length',
    usage: {
      prompt: countOf(completion.usage?.prompt_tokens) ?? tokensOfText(asked),
      completion: countOf(completion.usage?.completion_tokens) ?? tokensOfText(text),
    },
    model: typeof completion.model === 'string' ? completion.model.slice(0, 100) : body.model,
  }
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function tooLate(timeoutMs: number, cause: unknown): ModelError {
  const text = `the endpoint did not finish its answer within ${timeoutMs / 1000} s`
  return new ModelError('unavailable', text, { cause })
}

function modelErrorOf(error: unknown): ModelError {
  if (error instanceof ModelError) return error
  if (error instanceof APIConnectionError)
    return new ModelError('unavailable', 'the endpoint cannot be reached', { cause: error })
  if (!(error instanceof APIError) || error.status === undefined)
    return new ModelError('unavailable', 'the answer of the endpoint cannot be read', {
      cause: error,
    })
  const { status, headers } = error
  const retryAfterMs = retryAfterOf(headers)
  // What the endpoint says may repeat the key or our text: only its status is told.
  return new ModelError(failureOf(status), `the endpoint answered ${status}`, {
    retryAfterMs,
    cause: error,
  })
}

function failureOf(status: number): ModelFailure {
  if (status === 429) return 'limited'
  return status >= 500 || status === 408 || status === 409 ? 'unavailable' : 'refused'
}

/** RFC 9110 §10.2.3 in seconds, and the header in milliseconds that OpenAI and Azure send beside it. */
function retryAfterOf(headers: Headers | undefined): number | undefined {
  const ms = Number(headers?.get('retry-after-ms') ?? Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return ms
  const seconds = Number(headers?.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}
