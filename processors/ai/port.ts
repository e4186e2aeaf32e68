/** One question to a language model: what it is told, and the shape its answer must have. */
export interface ModelRequest {
  system: string
  user: string
  /** JSON Schema of the answer, and its name; providers that cannot enforce one are told in words. */
  schema: { name: string; schema: Readonly<Record<string, unknown>> }
  /** Tokens the answer may have. */
  tokensMax: number
}

export interface ModelAnswer {
  /** As it came: nobody has looked at it yet. */
  text: string
  /** True when the model stopped at the bound instead of at the end. */
  truncated: boolean
  /** What the endpoint says it cost; estimated from the characters where it says nothing. */
  usage: ModelUsage
  /** The model that answered, by the endpoint's own word. */
  model: string
}

export interface ModelUsage {
  prompt: number
  completion: number
}

/**
 * A language model. It is asked and answers; it is given no tools, so that whatever a text makes it say has no
 * effect. Failures are `ModelError`s.
 */
export interface Model {
  /** The name it was configured with. */
  readonly name: string
  ask(request: ModelRequest, signal?: AbortSignal): Promise<ModelAnswer>
}

/**
 * What went wrong: `limited` says when to come again; `unavailable` is an endpoint that is down, too slow or not
 * itself; `refused` is our fault (a wrong key, an unknown model) and does not pass by waiting.
 */
export type ModelFailure = 'limited' | 'unavailable' | 'refused'

export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly failure: ModelFailure
  readonly retryAfterMs: number | undefined

  constructor(
    failure: ModelFailure,
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.failure = failure
    this.retryAfterMs = options.retryAfterMs
  }
}

/** About four characters of English are a token; for bounds, and where an endpoint does not count. */
const CHARS_PER_TOKEN = 4

export function tokensOfText(text: string): number {
  return Math.ceil(text.length / CHARS_PER_TOKEN)
}
