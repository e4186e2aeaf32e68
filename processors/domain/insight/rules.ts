import { beganAt, type Cause, type Incident, type IncidentMember } from '#/schemas/incident.ts'
import type { Insight } from '#/schemas/records.ts'
import { COUNTED_EARLY_MS } from '#/processors/domain/incident/alert.ts'

/** A resolved incident that resembles this one, with what ended it. */
export interface PastIncident {
  number: number
  title: string
  /** The confirmed solution, empty when nobody wrote one down. */
  solution: string
  /** What was tried then and did not help. */
  failed?: readonly string[]
  /** 0 to 1. */
  similarity: number
}

export const RULES_MODEL = 'rules'
/** Grows when the same incident would be summarised differently. */
export const RULES_VERSION = 'rules-2'

const TEXT_MAX = 160
const LIST_MAX = 6
const SIMILAR_MIN = 0.3
const MINUTE_MS = 60_000

/** Log text is hostile: one line, no control or direction characters, never longer than a line. */
function quoted(text: string): string {
  const oneLine = text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return oneLine.length > TEXT_MAX ? `${oneLine.slice(0, TEXT_MAX - 1)}…` : oneLine
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 4).map((name) => quoted(name))
  const more = names.length - shown.length
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function duration(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / MINUTE_MS))
  return minutes < 120 ? counted(minutes, 'minute') : counted(Math.round(minutes / 60), 'hour')
}

function clockTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)} UTC`
}

/** In the order they began, so that the first is what the incident began with. */
/** Told to begin with the minute its excess began to add up in, which may be an odd failure of an ordinary day. */
const isCounted = ({ kind, firstAt }: IncidentMember): boolean =>
  kind !== 'novel' && firstAt % MINUTE_MS === 0

/** When it began at the latest: what is counted by the minute some minutes after it is told to. */
const latestStart = (member: IncidentMember): number =>
  member.firstAt + (isCounted(member) ? COUNTED_EARLY_MS : 0)

/** In the order they began, at the latest. */
function byStart(members: readonly IncidentMember[]): IncidentMember[] {
  return members.toSorted(
    (left, right) => latestStart(left) - latestStart(right) || (left.key < right.key ? -1 : 1),
  )
}

function impactOf(incident: Incident): string {
  const { events, users, services, severity } = incident
  if (incident.members.length === 0)
    return `SEV${severity.level}, reported by a person; no telemetry belongs to it yet.`
  const lasted = duration(incident.lastActivityAt - beganAt(incident))
  const where = services.length === 1 ? 'in' : `in ${services.length} services:`
  const state = incident.status === 'resolved' ? 'over' : 'still open'
  return `SEV${severity.level} (score ${severity.score}): ${counted(events, 'event')} for about ${counted(users, 'user')} ${where} ${listed(services)} within ${lasted}, ${state}.`
}

function pastCauses(similar: readonly PastIncident[]): string[] {
  return similar
    .filter((past) => past.similarity >= SIMILAR_MIN)
    .map((past) => {
      const ending = past.solution === '' ? '' : ` It ended with: ${quoted(past.solution)}`
      return `It resembles #${past.number}, "${quoted(past.title)}".${ending}`
    })
}

function causesOf(incident: Incident, similar: readonly PastIncident[]): string[] {
  const ranked = incident.causes.toSorted((left, right) => right.weight - left.weight)
  const sentences = [...ranked.map((cause) => quoted(cause.sentence)), ...pastCauses(similar)]
  if (sentences.length > 0) return sentences.slice(0, LIST_MAX)
  const [first] = byStart(incident.members)
  return first === undefined
    ? ['Not known yet: no telemetry belongs to this incident.']
    : [`Not known yet; it began in ${quoted(first.service)} with "${quoted(first.title)}".`]
}

function evidenceOf(incident: Incident): string[] {
  const members = byStart(incident.members)
  const [first] = members
  if (first === undefined)
    return [`Opened ${clockTime(incident.openedAt)} by a person: "${quoted(incident.title)}".`]
  const facts = [
    `First: "${quoted(first.title)}" in ${quoted(first.service)} at ${clockTime(first.firstAt)}, ${counted(first.events, 'event')}.`,
    quoted(first.sentence),
    ...members.slice(1).map((member) => {
      const what = `"${quoted(member.title)}" in ${quoted(member.service)}, ${counted(member.events, 'event')}.`
      if (isCounted(member)) return `By the minute, from ${clockTime(member.firstAt)}: ${what}`
      return `${counted(Math.round((member.firstAt - first.firstAt) / 1000), 'second')} later: ${what}`
    }),
  ].filter((fact) => fact !== '')
  const terms = incident.severity.terms
    .filter((term) => term.value > 0)
    .toSorted((left, right) => right.weight * right.value - left.weight * left.value)
    .slice(0, 3)
  const severity = terms.map((term) => term.reason).join('; ')
  return [
    ...facts.slice(0, LIST_MAX - 1),
    ...(severity === '' ? [] : [`Severity rests on: ${quoted(severity)}.`]),
  ]
}

/** What to do about one cause. */
function stepFor(cause: Cause, incident: Incident): string[] {
  const subject = quoted(cause.subject)
  switch (cause.kind) {
    case 'deploy':
      return [
        `Compare the errors of deploy ${subject} with the release before; roll it back if they agree with the timeline.`,
      ]
    case 'external':
      return [
        `Check the status of ${subject} and whether retries or a fallback can be switched on.`,
      ]
    case 'zone':
      return [`Check network and hosts of zone ${subject}; consider moving traffic out of it.`]
    case 'service':
      return incident.services.includes(cause.subject)
        ? [`Look at ${subject} first: its own errors, saturation and recent changes.`]
        : [
            `Look at ${subject}, which the failing callers have in common although it reports nothing itself.`,
          ]
    case 'dimension':
      return [`Compare ${subject} with its siblings; take it out of rotation if only it fails.`]
    default:
      return []
  }
}

function stepsOf(incident: Incident, similar: readonly PastIncident[]): string[] {
  const ranked = incident.causes.toSorted((left, right) => right.weight - left.weight)
  const solved = similar.find((past) => past.solution !== '' && past.similarity >= SIMILAR_MIN)
  const [first] = byStart(incident.members)
  const steps = [
    ...(solved === undefined
      ? []
      : [
          `Try what ended #${solved.number}: ${quoted(solved.solution)}`,
          ...(solved.failed ?? [])
            .slice(0, 1)
            .map(
              (one) => `Do not begin with what did not help in #${solved.number}: ${quoted(one)}`,
            ),
        ]),
    ...ranked.flatMap((cause) => stepFor(cause, incident)),
    ...(first === undefined || first.sampleEventId === ''
      ? []
      : [`Open event ${quoted(first.sampleEventId)}, an example of the first error.`]),
    incident.status === 'resolved'
      ? 'Write down what ended it, so that it is offered the next time.'
      : 'Note what is tried on the canvas, so that others see what failed.',
  ]
  return [...new Set(steps)].slice(0, LIST_MAX)
}

/** Rules may be sure of a comparison, never of a guess: 0.2 without any evidence, at most 0.8. */
function confidenceOf(incident: Incident, similar: readonly PastIncident[]): number {
  if (incident.members.length === 0) return 0.1
  const best = Math.max(0, ...incident.causes.map((cause) => cause.weight))
  const remembered = similar.some((past) => past.solution !== '' && past.similarity >= SIMILAR_MIN)
  const confidence = 0.2 + 0.5 * best + (remembered ? 0.1 : 0)
  return Math.round(100 * Math.min(0.8, confidence)) / 100
}

/**
 * The summary every incident has, with or without a model: the same incident always gives the same words. All
 * lists hold at least one sentence.
 */
export function summarizeByRules(
  incident: Incident,
  similar: readonly PastIncident[] = [],
): Insight {
  return {
    project: incident.project,
    incident_id: incident.id,
    incident_seq: incident.seq,
    at: incident.updatedAt,
    title: quoted(incident.title) || `Incident #${incident.number}`,
    impact: impactOf(incident),
    likely_causes: causesOf(incident, similar),
    evidence: evidenceOf(incident),
    next_steps: stepsOf(incident, similar),
    confidence: confidenceOf(incident, similar),
    model: RULES_MODEL,
    prompt_version: RULES_VERSION,
    tokens: 0,
    fallback: true,
    detail: '{}',
  }
}
