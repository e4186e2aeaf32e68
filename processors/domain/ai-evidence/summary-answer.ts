import type { EvidenceFact, InsightSentence, SentenceList } from '#/schemas/insight.ts'
import type { Insight } from '#/schemas/records.ts'
import { misfit, parseAnswer, type JsonSchema } from './json-schema.ts'
import { numbersIn, unknownNumbers, type KnownNumbers } from './numbers.ts'
import { plainText } from './sql-text.ts'

const CLAIM_CHARS_MAX = 400
const LIST_MAX = 6
const IDS_MAX = 8

const CLAIM: JsonSchema = {
  type: 'object',
  properties: {
    text: { type: 'string', minLength: 1, maxLength: CLAIM_CHARS_MAX },
    evidence: { type: 'array', maxItems: IDS_MAX, items: { type: 'string', maxLength: 8 } },
  },
  required: ['text', 'evidence'],
  additionalProperties: false,
}
const CLAIMS: JsonSchema = { type: 'array', maxItems: LIST_MAX, items: CLAIM }

/** What a model is asked for. */
export const SUMMARY_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    title: { type: 'string', minLength: 1, maxLength: 160 },
    impact: CLAIM,
    likely_causes: CLAIMS,
    next_steps: CLAIMS,
    confidence: { type: 'number', minimum: 0, maximum: 1 },
  },
  required: ['title', 'impact', 'likely_causes', 'next_steps', 'confidence'],
  additionalProperties: false,
}

interface Claim {
  text: string
  evidence: readonly string[]
}

interface SummaryAnswer {
  title: string
  impact: Claim
  likely_causes: readonly Claim[]
  next_steps: readonly Claim[]
  confidence: number
}

export interface CheckedSummary {
  title: string
  impact: string
  likely_causes: readonly string[]
  next_steps: readonly string[]
  evidence: readonly string[]
  confidence: number
  sentences: readonly InsightSentence[]
  dropped: number
}

/** An answer that cannot be used says why, in words the model may be told. */
export type SummaryVerdict = { ok: true; summary: CheckedSummary } | { ok: false; reason: string }

/** Links, markup and addresses have no business in a summary; whatever brought them in was not evidence. */
const MARKUP =
  /https?:|www\.|javascript:|data:|\]\(|<[a-z!/]|&#|\b[\w-]+\.(?:com|net|org|io|ru|cn|xyz|info|top)\b/i
const NOT_ENOUGH = 'not enough evidence'
export const CONFIDENCE_MAX_WITHOUT_EVIDENCE = 0.2

/**
 * Holds an answer to the evidence. Sentences that cite nothing that exists, that name numbers nobody counted or that
 * carry markup are dropped; what is then missing is taken from the rules and marked as theirs.
 */
export function checkSummary(
  text: string,
  { facts, rules }: { facts: readonly EvidenceFact[]; rules: Insight },
): SummaryVerdict {
  const value = parseAnswer(text)
  if (value === undefined) return { ok: false, reason: 'the answer is not JSON' }
  const wrong = misfit(value, SUMMARY_SCHEMA)
  if (wrong !== undefined) return { ok: false, reason: `the answer does not fit: ${wrong}` }
  const answer = value as SummaryAnswer
  const check = createClaimCheck(facts)
  const impact = check.claim(answer.impact, 'impact')
  const causes = answer.likely_causes.flatMap((claim) => check.claim(claim, 'likely_causes') ?? [])
  const steps = answer.next_steps.flatMap((claim) => check.claim(claim, 'next_steps') ?? [])
  if (impact === undefined && causes.length === 0)
    return { ok: false, reason: 'no sentence of the answer rests on the facts it was given' }
  const title = check.isPlain(answer.title) ? plainText(answer.title) : rules.title
  const sentences = [
    sentence('title', title, [], title === rules.title ? 'rules' : 'model'),
    impact ?? sentence('impact', rules.impact, [], 'rules'),
    ...(causes.length > 0 ? causes : fromRules('likely_causes', rules.likely_causes)),
    ...(steps.length > 0 ? steps : fromRules('next_steps', rules.next_steps)),
  ]
  return {
    ok: true,
    summary: summaryOf(sentences, { facts, wished: answer.confidence, dropped: check.dropped() }),
  }
}

function createClaimCheck(facts: readonly EvidenceFact[]) {
  const known: KnownNumbers = numbersIn(facts.map((fact) => fact.text))
  const ids = new Set(facts.map(({ id }) => id))
  let dropped = 0
  const isPlain = (text: string): boolean =>
    !MARKUP.test(text) && unknownNumbers(text, known).length === 0
  return {
    isPlain,
    dropped: () => dropped,
    claim(claim: Claim, list: SentenceList): InsightSentence | undefined {
      const cited = [...new Set(claim.evidence)]
      const real = cited.filter((id) => ids.has(id))
      if (real.length > 0 && real.length === cited.length && isPlain(claim.text))
        return sentence(list, plainText(claim.text, CLAIM_CHARS_MAX), real, 'model')
      dropped += 1
      return undefined
    },
  }
}

function sentence(
  list: SentenceList,
  text: string,
  evidence: readonly string[],
  origin: InsightSentence['origin'],
): InsightSentence {
  return { list, text, evidence, origin }
}

function fromRules(list: SentenceList, texts: readonly string[]): InsightSentence[] {
  return texts.map((text) => sentence(list, text, [], 'rules'))
}

function summaryOf(
  sentences: readonly InsightSentence[],
  given: { facts: readonly EvidenceFact[]; wished: number; dropped: number },
): CheckedSummary {
  const of = (list: SentenceList): string[] =>
    sentences.filter((one) => one.list === list).map(({ text }) => text)
  const cited = new Set(sentences.flatMap(({ evidence }) => evidence))
  return {
    title: of('title')[0] ?? '',
    impact: of('impact')[0] ?? '',
    likely_causes: of('likely_causes'),
    next_steps: of('next_steps'),
    evidence: given.facts.filter(({ id }) => cited.has(id)).map(({ id, text }) => `${id}: ${text}`),
    confidence:
      Math.round(100 * Math.min(given.wished, confidenceCap(sentences, given.facts))) / 100,
    sentences,
    dropped: given.dropped,
  }
}

/**
 * A model may be as sure as the facts behind its causes allow: nothing cited 0.2, then more with each kind of fact,
 * and most where a deploy, a contrast or what ended a past incident is among them.
 */
export function confidenceCap(
  sentences: readonly InsightSentence[],
  facts: readonly EvidenceFact[],
): number {
  const cited = new Set(
    sentences
      .filter(({ list, origin }) => list === 'likely_causes' && origin === 'model')
      .flatMap(({ evidence }) => evidence),
  )
  const kinds = new Set(facts.filter(({ id }) => cited.has(id)).map(({ kind }) => kind))
  if (kinds.size === 0) return CONFIDENCE_MAX_WITHOUT_EVIDENCE
  const isTelling = ['deploy', 'release', 'lift', 'solution'].some((kind) => kinds.has(kind))
  return Math.min(0.85, 0.35 + 0.12 * kinds.size + (isTelling ? 0.1 : 0))
}

/** The rules' summary in the shape of a checked one, for when no answer could be used. */
export function rulesSummary(rules: Insight): CheckedSummary {
  const sentences = [
    sentence('title', rules.title, [], 'rules'),
    sentence('impact', rules.impact, [], 'rules'),
    ...fromRules('likely_causes', rules.likely_causes),
    ...fromRules('next_steps', rules.next_steps),
  ]
  const { title, impact, likely_causes, next_steps, evidence, confidence } = rules
  return { title, impact, likely_causes, next_steps, evidence, confidence, sentences, dropped: 0 }
}

/** Beside a confidence that says little: what the reader is told. */
export function confidenceWords(confidence: number): string {
  return confidence <= CONFIDENCE_MAX_WITHOUT_EVIDENCE ? NOT_ENOUGH : ''
}
