import type { OptionSpec } from './options.ts'

/** Settings of the language model: none of them is needed. */
export const AI_OPTIONS = [
  {
    name: 'ai-url',
    type: 'text',
    isAddress: true,
    value: 'address',
    about:
      'an endpoint that speaks OpenAI’s chat completions; without it summaries and answers are by rules alone',
  },
  { name: 'ai-model', type: 'text', value: 'name', about: 'model to ask there; needs ai-url' },
  {
    name: 'ai-key',
    type: 'text',
    secret: true,
    value: 'secret',
    about: 'key of ai-url, where it asks for one',
  },
  { name: 'ai-key-file', type: 'text', value: 'file', about: 'file that holds the ai-key' },
  {
    name: 'ai-timeout-s',
    type: 'number',
    default: 60,
    min: 1,
    max: 600,
    value: 'seconds',
    about: 'how long one answer of the model may take',
  },
  {
    name: 'ai-tokens-a-day',
    type: 'number',
    default: 500_000,
    min: 0,
    value: 'tokens',
    about: 'per project and day (UTC), then nobody asks the model until midnight; 0 never asks it',
  },
  {
    name: 'ai-dollars-a-day',
    type: 'number',
    default: 5,
    min: 0,
    value: 'dollars',
    about: 'the same in money, by the prices below',
  },
  {
    name: 'ai-price-prompt',
    type: 'number',
    default: 0,
    min: 0,
    value: 'dollars',
    about: 'what a million tokens to the model cost',
  },
  {
    name: 'ai-price-completion',
    type: 'number',
    default: 0,
    min: 0,
    value: 'dollars',
    about: 'what a million tokens from the model cost',
  },
] as const satisfies readonly OptionSpec[]

export interface AiConfig {
  aiUrl: string | undefined
  aiModel: string | undefined
  aiKey: string | undefined
  aiTimeoutS: number
  aiTokensADay: number
  aiDollarsADay: number
  aiPricePrompt: number
  aiPriceCompletion: number
}
