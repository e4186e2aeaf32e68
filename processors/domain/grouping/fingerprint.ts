import { hash } from 'node:crypto'
import { expandRule, findRule, type FingerprintRule } from './fingerprint-rules.ts'
import { nameParams, type NamedParam } from './param-names.ts'
import { createRecentMap } from './recent-map.ts'
import { fingerprintStack, type StackFingerprint } from './stack-fingerprint.ts'
import type { Frame, ParsedStack } from './stack-frame.ts'
import { parseStack } from './stack-parse.ts'
import { framesToStack } from './stack-structured.ts'
import {
  createTemplateMiner,
  restoreTemplateMiner,
  type LearnedTemplate,
  type TemplateAlias,
  type TemplateMinerState,
} from './template-miner.ts'

export interface GroupInput {
  message?: string
  error_type?: string
  error_code?: string
  route?: string
  environment: string
  /** Raw stack trace. */
  stack?: string
  /** Structured stack, the frame that threw first. */
  frames?: readonly Frame[]
}

export type GroupMethod = 'rule' | 'code' | 'stack' | 'type_message' | 'message'

export interface Grouped {
  /** 64 lower-case hex characters; what the group is called now. */
  fingerprint: string
  /** The fingerprint before this event could merge anything. */
  announced: string
  method: GroupMethod
  /** One sentence for people. */
  reason: string
  /** The message with `<*>` for what varies; absent when there is no message. */
  template?: string
  params: NamedParam[]
  title: string
  /** `function (file)` of the first in-app frame. */
  culprit?: string
  /** Fingerprints that are the same group from now on. */
  aliases?: TemplateAlias[]
}

export interface GrouperState {
  version: 1
  miner: TemplateMinerState
  /** Message fingerprints given out, by template: which types they were given for. */
  issued: [template: string, discriminators: string[]][]
}

export interface GrouperOptions {
  rules?: readonly FingerprintRule[]
}

export interface Grouper {
  group(input: GroupInput): Grouped
  snapshot(): GrouperState
}

const CACHE_ENTRIES_MAX = 256
const CACHE_KEY_CHARS_MAX = 4096
const ISSUED_TEMPLATES_MAX = 4000
const DISCRIMINATORS_MAX = 16
const TITLE_CHARS_MAX = 200

/** SHA-256 of the parts as JSON, so that no two lists of parts can look alike. */
export function fingerprintOf(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'hex')
}

/** One grouper per (project, service). Deterministic: the same calls in the same order give the same answers. */
export function createGrouper(options: GrouperOptions = {}): Grouper {
  return new TemplateGrouper(options.rules ?? [])
}

export function restoreGrouper(state: GrouperState, options: GrouperOptions = {}): Grouper {
  return new TemplateGrouper(options.rules ?? [], state)
}

interface Decision {
  fingerprint: string
  announced: string
  method: GroupMethod
  reason: string
}

class TemplateGrouper implements Grouper {
  readonly #rules: readonly FingerprintRule[]
  readonly #miner
  readonly #issuedTemplates = new Map<string, string[]>()
  readonly #cache = createRecentMap<string, { revision: number; grouped: Grouped }>(
    CACHE_ENTRIES_MAX,
  )

  constructor(rules: readonly FingerprintRule[], state?: GrouperState) {
    this.#rules = rules
    this.#miner = state === undefined ? createTemplateMiner() : restoreTemplateMiner(state.miner)
    for (const [template, discriminators] of state?.issued ?? [])
      this.#issuedTemplates.set(template, [...discriminators])
  }

  group(input: GroupInput): Grouped {
    const key = cacheKey(input)
    if (key === undefined) return this.#decide(input)
    const cached = this.#cache.get(key)
    if (cached !== undefined && cached.revision === this.#miner.revision) return cached.grouped
    const grouped = this.#decide(input)
    // What a message merges is told once, so a result with aliases is not repeated.
    if (grouped.aliases === undefined)
      this.#cache.set(key, { revision: this.#miner.revision, grouped })
    return grouped
  }

  snapshot(): GrouperState {
    return {
      version: 1,
      miner: this.#miner.toJSON(),
      issued: [...this.#issuedTemplates].map(([template, types]) => [template, [...types]]),
    }
  }

  #decide(input: GroupInput): Grouped {
    const parsed = readStack(input)
    const first = parsed?.exceptions[0]
    const type = input.error_type || first?.type
    const message = input.message ?? first?.message
    const learned = message === undefined ? undefined : this.#miner.learn(message)
    const stack = parsed === undefined ? undefined : fingerprintStack(withType(parsed, type))
    const decision = this.#choose(input, type, stack, learned, message)
    const discriminator = discriminatorOf(type, message)
    if (learned !== undefined) this.#remember(learned.announced, discriminator)
    const aliases =
      learned?.aliases === undefined ? undefined : this.#fingerprintAliases(learned.aliases)
    const title = titleOf(type, learned?.template ?? stack?.culprit ?? input.error_code ?? '')
    return {
      ...decision,
      params: learned === undefined ? [] : nameParams(learned.template, learned.params),
      title,
      ...(learned === undefined ? {} : { template: learned.template }),
      ...(stack?.culprit === undefined ? {} : { culprit: stack.culprit }),
      ...(aliases === undefined || aliases.length === 0 ? {} : { aliases }),
    }
  }

  #choose(
    input: GroupInput,
    type: string | undefined,
    stack: StackFingerprint | undefined,
    learned: LearnedTemplate | undefined,
    message: string | undefined,
  ): Decision {
    const byDefault = (): Decision => chooseDefault(input, type, stack, learned, message)
    const rule = this.#rules.length === 0 ? undefined : findRule(this.#rules, ruleFields(input))
    if (rule === undefined) return byDefault()
    const parts = expandRule(rule, ruleFields(input), () => byDefault().fingerprint)
    const fingerprint = fingerprintOf(['rule', ...parts])
    const fields = Object.keys(rule.match).join(', ')
    return {
      fingerprint,
      announced: fingerprint,
      method: 'rule',
      reason: `A fingerprint rule on ${fields} matched and set the group to ${JSON.stringify(parts)}.`,
    }
  }

  #remember(template: string, discriminator: string): void {
    const known = this.#issuedTemplates.get(template)
    if (known === undefined) {
      if (this.#issuedTemplates.size >= ISSUED_TEMPLATES_MAX) {
        const oldest = this.#issuedTemplates.keys().next().value
        if (oldest !== undefined) this.#issuedTemplates.delete(oldest)
      }
      this.#issuedTemplates.set(template, [discriminator])
    } else if (known.length < DISCRIMINATORS_MAX && !known.includes(discriminator))
      known.push(discriminator)
  }

  #fingerprintAliases(aliases: readonly TemplateAlias[]): TemplateAlias[] {
    return aliases.flatMap(({ from, to }) =>
      (this.#issuedTemplates.get(from) ?? []).map((discriminator) => {
        this.#remember(to, discriminator)
        return {
          from: messageFingerprint(from, discriminator),
          to: messageFingerprint(to, discriminator),
        }
      }),
    )
  }
}

function chooseDefault(
  input: GroupInput,
  type: string | undefined,
  stack: StackFingerprint | undefined,
  learned: LearnedTemplate | undefined,
  message: string | undefined,
): Decision {
  if (input.error_code && input.route) {
    const fingerprint = fingerprintOf([input.error_code, input.route, input.environment])
    const reason = `Error code ${input.error_code} on route ${input.route} in ${input.environment}.`
    return { fingerprint, announced: fingerprint, method: 'code', reason }
  }
  if (stack !== undefined) {
    const fingerprint = fingerprintOf(['stack', ...stack.parts])
    const reason = `${stack.frameCount} ${stack.variant === 'in-app' ? 'in-app frames' : 'frames (none is in-app)'} of the stack trace${type ? ` of ${type}` : ''}.`
    return { fingerprint, announced: fingerprint, method: 'stack', reason }
  }
  const discriminator = discriminatorOf(type, message)
  const method = type ? 'type_message' : 'message'
  const fingerprint = messageFingerprint(learned?.id ?? '', discriminator)
  const announced = messageFingerprint(learned?.announced ?? '', discriminator)
  const shown =
    learned === undefined
      ? 'no message'
      : `message template ${JSON.stringify(learned.template.slice(0, TITLE_CHARS_MAX))}`
  const reason = type ? `Exception type ${type} and ${shown}.` : `The ${shown}.`
  return { fingerprint, announced, method, reason }
}

/**
 * What parts one template into several groups: the exception's type, and an HTTP status the template
 * masks, since a 404 and a 500 are never one problem.
 */
function discriminatorOf(type: string | undefined, message: string | undefined): string {
  const status = message === undefined ? undefined : httpStatusIn(message)
  return JSON.stringify(status === undefined ? [type ?? ''] : [type ?? '', status])
}

const STATUS_CHARS_MAX = 512
const STATUS =
  /\b(?:status|status code|http|http error|response code|http\/\d(?:\.\d)?)[ :=]{1,3}([45]\d\d)\b/iu

function httpStatusIn(message: string): string | undefined {
  return STATUS.exec(message.slice(0, STATUS_CHARS_MAX))?.[1]
}

function messageFingerprint(template: string, discriminator: string): string {
  return fingerprintOf(['message', template, discriminator])
}

function readStack(input: GroupInput): ParsedStack | undefined {
  if (input.frames !== undefined && input.frames.length > 0)
    return framesToStack(input.frames, input.error_type)
  return input.stack ? parseStack(input.stack) : undefined
}

function withType(parsed: ParsedStack, type: string | undefined): ParsedStack {
  const [first, ...rest] = parsed.exceptions
  if (first === undefined || type === undefined || first.type === type) return parsed
  return { ...parsed, exceptions: [{ ...first, type }, ...rest] }
}

function ruleFields(input: GroupInput): Record<string, string> {
  const fields: Record<string, string> = { environment: input.environment }
  for (const name of ['message', 'error_type', 'error_code', 'route', 'stack'] as const) {
    const value = input[name]
    if (value !== undefined) fields[name] = value
  }
  return fields
}

function titleOf(type: string | undefined, text: string): string {
  const line = text.split('\n', 1)[0] ?? ''
  const title = type ? (line === '' ? type : `${type}: ${line}`) : line
  return title.length > TITLE_CHARS_MAX ? `${title.slice(0, TITLE_CHARS_MAX - 1)}…` : title
}

/** Structured frames and long inputs are not cached. */
function cacheKey(input: GroupInput): string | undefined {
  if (input.frames !== undefined) return undefined
  const { message = '', stack = '', error_type = '', error_code = '', route = '' } = input
  if (message.length + stack.length > CACHE_KEY_CHARS_MAX) return undefined
  const present = (input.message === undefined ? 0 : 1) + (input.stack === undefined ? 0 : 2)
  return `${present}\0${error_type}\0${error_code}\0${route}\0${input.environment}\0${message.length}\0${message}\0${stack}`
}
