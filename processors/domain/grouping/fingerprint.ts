import {
  decide,
  discriminatorOf,
  fingerprintOf,
  messageFingerprint,
  type Decision,
  type Evidence,
  type GroupInput,
  type GroupMethod,
} from './fingerprint-order.ts'
import { expandSent } from './fingerprint-sender.ts'
import {
  expandRule,
  findRule,
  titleOfRule,
  type FingerprintRule,
  type RuleInput,
} from './fingerprint-rules.ts'
import { nameParams, type NamedParam } from './param-names.ts'
import { createRecentMap } from './recent-map.ts'
import { fingerprintStack } from './stack-fingerprint.ts'
import type { ParsedStack } from './stack-frame.ts'
import { parseStack } from './stack-parse.ts'
import { createStackPrefixes, type StackPrefixes, type StackPrefixState } from './stack-prefix.ts'
import { framesToStack } from './stack-structured.ts'
import {
  createTemplateMiner,
  restoreTemplateMiner,
  type TemplateAlias,
  type TemplateMinerState,
} from './template-miner.ts'

export type { GroupInput } from './fingerprint-order.ts'

export interface Grouped {
  /** 64 lower-case hex characters; what the group is called now. */
  fingerprint: string
  /** The fingerprint before this event could merge anything. */
  announced: string
  /** What it would be called had nothing been merged: never changes, so that merges can be undone. */
  own: string
  /** Id of the rule that decided. */
  rule?: string
  method: GroupMethod
  /** One sentence for people. */
  reason: string
  /** The message with `<*>` for what varies; absent when there is no message. */
  template?: string
  /** Id of that template, 16 hex characters. */
  templateId?: string
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
  prefixes: StackPrefixState
  /** Message fingerprints given out, by template: which types they were given for. */
  issued: [template: string, discriminators: string[]][]
}

export interface GrouperOptions {
  rules?: readonly FingerprintRule[]
}

export interface Grouper {
  group(input: GroupInput): Grouped
  /** Rules from here on; the same array again costs nothing. */
  use(rules: readonly FingerprintRule[]): void
  /** Grows with every change of the state: a checkpoint of the same version can be spared. */
  readonly version: number
  snapshot(): GrouperState
}

const CACHE_ENTRIES_MAX = 256
const CACHE_KEY_CHARS_MAX = 4096
const ISSUED_TEMPLATES_MAX = 4000
const DISCRIMINATORS_MAX = 64
const TITLE_CHARS_MAX = 200

/** One grouper per (project, service). Deterministic: the same calls in the same order give the same answers. */
export function createGrouper(options: GrouperOptions = {}): Grouper {
  return new TemplateGrouper(options.rules ?? [])
}

export function restoreGrouper(state: GrouperState, options: GrouperOptions = {}): Grouper {
  return new TemplateGrouper(options.rules ?? [], state)
}

/** A rule may say more than the order of methods does. */
type Chosen = Decision & { rule?: string; title?: string }

interface CachedGroup {
  revision: number
  grouped: Grouped
  template: string | undefined
}

class TemplateGrouper implements Grouper {
  #rules: readonly FingerprintRule[]
  readonly #miner
  readonly #prefixes: StackPrefixes
  readonly #issued = new Map<string, string[]>()
  #issuedVersion = 0
  #cache = createRecentMap<string, CachedGroup>(CACHE_ENTRIES_MAX)

  constructor(rules: readonly FingerprintRule[], state?: GrouperState) {
    this.#rules = rules
    this.#prefixes = createStackPrefixes(state?.prefixes)
    this.#miner = state === undefined ? createTemplateMiner() : restoreTemplateMiner(state.miner)
    for (const [template, discriminators] of state?.issued ?? [])
      this.#issued.set(template, [...discriminators])
  }

  group(input: GroupInput): Grouped {
    const key = cacheKey(input)
    if (key === undefined) return this.#decide(input).grouped
    const cached = this.#cache.get(key)
    if (cached !== undefined && cached.revision === this.#miner.revision) {
      // Forgetting must not depend on what the cache spared.
      if (cached.template !== undefined) this.#miner.touch(cached.template)
      return cached.grouped
    }
    const { grouped, template } = this.#decide(input)
    // What an event merges is told once, so a result with aliases is not repeated.
    if (grouped.aliases === undefined)
      this.#cache.set(key, { revision: this.#miner.revision, grouped, template })
    return grouped
  }

  use(rules: readonly FingerprintRule[]): void {
    if (rules === this.#rules) return
    this.#rules = rules
    this.#cache = createRecentMap<string, CachedGroup>(CACHE_ENTRIES_MAX)
  }

  get version(): number {
    return this.#miner.version + this.#prefixes.version + this.#issuedVersion
  }

  snapshot(): GrouperState {
    return {
      version: 1,
      miner: this.#miner.toJSON(),
      prefixes: this.#prefixes.toJSON(),
      issued: [...this.#issued].map(([template, types]) => [template, [...types]]),
    }
  }

  #decide(input: GroupInput): { grouped: Grouped; template: string | undefined } {
    const parsed = readStack(input)
    const first = parsed?.exceptions[0]
    const type = input.error_type || first?.type
    const message = input.message ?? first?.message
    const learned = message === undefined ? undefined : this.#miner.learn(message)
    const stack = parsed === undefined ? undefined : fingerprintStack(withType(parsed, type))
    const evidence: Evidence = { input, type, message, stack, learned }
    const aliases: TemplateAlias[] = []
    const decision = this.#choose(evidence, aliases)
    if (learned?.aliases !== undefined) aliases.push(...this.#renamed(learned.aliases))
    const grouped: Grouped = {
      ...decision,
      params: learned === undefined ? [] : nameParams(learned.template, learned.params),
      title:
        decision.title ??
        titleOf(type, learned?.template ?? stack?.culprit ?? input.error_code ?? ''),
      ...(learned === undefined ? {} : { template: learned.template, templateId: learned.id }),
      ...(stack?.culprit === undefined ? {} : { culprit: stack.culprit }),
      ...(aliases.length === 0 ? {} : { aliases }),
    }
    return { grouped, template: learned?.id }
  }

  #choose(evidence: Evidence, aliases: TemplateAlias[]): Chosen {
    const { sent } = evidence.input
    if (this.#rules.length === 0 && sent === undefined)
      return this.#chooseDefault(evidence, aliases)
    const fields = ruleFields(evidence)
    const rule = findRule(this.#rules, fields)
    if (rule === undefined)
      return sent === undefined
        ? this.#chooseDefault(evidence, aliases)
        : chooseSent(sent, evidence, fields)
    const parts = expandRule(rule, fields, () => decide(evidence).fingerprint)
    const fingerprint = fingerprintOf(['rule', ...parts])
    const names = Object.keys(rule.match).join(', ')
    const title = titleOfRule(rule, fields)
    return {
      fingerprint,
      announced: fingerprint,
      own: fingerprint,
      method: 'rule',
      ...(rule.id === undefined ? {} : { rule: rule.id }),
      ...(title ? { title: shortTitle(title) } : {}),
      reason: `The fingerprint rule ${rule.id ?? ''} on ${names} matched and set the group to ${JSON.stringify(parts)}.`,
    }
  }

  #chooseDefault(evidence: Evidence, aliases: TemplateAlias[]): Decision {
    const decision = decide(evidence)
    const { learned, stack } = evidence
    if (decision.method === 'stack' && stack !== undefined) {
      const own = decision.fingerprint
      const { root, isNew } = this.#prefixes.resolve(own, stack.sequence)
      if (root === own) return decision
      if (isNew) aliases.push({ from: own, to: root })
      const reason = `${decision.reason} The stack is the beginning of, or begins with, a known one.`
      return { ...decision, fingerprint: root, own, reason }
    }
    if (learned === undefined || decision.method === 'code') return decision
    const discriminator = discriminatorOf(evidence)
    this.#remember(learned.announced, discriminator)
    if (decision.own === decision.fingerprint) return decision
    // The template was merged before it was met with this type: nobody told that the two are one.
    const told = this.#remember(learned.own, discriminator)
    if (told === 'new') aliases.push({ from: decision.own, to: decision.fingerprint })
    return told === 'full' ? { ...decision, own: decision.fingerprint } : decision
  }

  #remember(template: string, discriminator: string): 'new' | 'known' | 'full' {
    const known = this.#issued.get(template)
    if (known?.includes(discriminator)) return 'known'
    if (known !== undefined && known.length >= DISCRIMINATORS_MAX) return 'full'
    this.#issuedVersion++
    if (known !== undefined) {
      known.push(discriminator)
      return 'new'
    }
    if (this.#issued.size >= ISSUED_TEMPLATES_MAX) {
      const oldest = this.#issued.keys().next().value
      if (oldest !== undefined) this.#issued.delete(oldest)
    }
    this.#issued.set(template, [discriminator])
    return 'new'
  }

  /** Fingerprints that were given out under merged templates, and what they are called now. */
  #renamed(aliases: readonly TemplateAlias[]): TemplateAlias[] {
    return aliases.flatMap(({ from, to }) =>
      this.#miner.membersOf(from).flatMap((member) =>
        (this.#issued.get(member) ?? []).map((discriminator) => {
          this.#remember(to, discriminator)
          return {
            from: messageFingerprint(member, discriminator),
            to: messageFingerprint(to, discriminator),
          }
        }),
      ),
    )
  }
}

function chooseSent(sent: readonly string[], evidence: Evidence, fields: RuleInput): Decision {
  const parts = expandSent(sent, fields, () => decide(evidence).fingerprint)
  const fingerprint = fingerprintOf(['sender', ...parts])
  const shown = shortTitle(JSON.stringify(sent))
  const reason = `The sender set the group to ${shown}.`
  return { fingerprint, announced: fingerprint, own: fingerprint, method: 'sender', reason }
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

function ruleFields({ input, type, message }: Evidence): RuleInput {
  const fields: RuleInput = { environment: input.environment }
  // What a stack says of itself counts as if it had been sent apart.
  if (type !== undefined) fields['error_type'] = type
  if (message !== undefined) fields['message'] = message
  for (const name of ['error_code', 'route', 'stack', 'service'] as const) {
    const value = input[name]
    if (value !== undefined) fields[name] = value
  }
  return fields
}

function titleOf(type: string | undefined, text: string): string {
  const line = text.split('\n', 1)[0] ?? ''
  return shortTitle(type ? (line === '' ? type : `${type}: ${line}`) : line)
}

function shortTitle(title: string): string {
  return title.length > TITLE_CHARS_MAX ? `${title.slice(0, TITLE_CHARS_MAX - 1)}…` : title
}

/** Structured frames, groups of the sender's own and long inputs are not cached. */
function cacheKey(input: GroupInput): string | undefined {
  if (input.frames !== undefined || input.sent !== undefined) return undefined
  const { message = '', stack = '', error_type = '', error_code = '', route = '' } = input
  if (message.length + stack.length > CACHE_KEY_CHARS_MAX) return undefined
  const present = (input.message === undefined ? 0 : 1) + (input.stack === undefined ? 0 : 2)
  return `${present}\0${error_type}\0${error_code}\0${route}\0${input.environment}\0${message.length}\0${message}\0${stack}`
}
