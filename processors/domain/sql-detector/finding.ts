import { buildDetection, detectionId } from '#/processors/domain/spike/detection-builder.ts'
import { emptyTally } from '#/processors/domain/spike/tally.ts'
import type { Detection, SqlSubject } from '#/processors/domain/spike/types.ts'
import type { DetectorSpec } from '#/schemas/detector-view.ts'
import { isUpward, type Outcome, type Window } from './evaluate.ts'

export interface DetectorName {
  project: string
  id: string
  name: string
  spec: DetectorSpec
}

const MINUTE_MS = 60_000

/** What the chain is told of an outcome: an alert or a warning, that it goes on, or its end. */
export function findingOf(detector: DetectorName, outcome: Outcome, window: Window): Detection {
  const { project, spec } = detector
  const { group, open, value, usual } = outcome
  const subject = subjectOf(detector.id, group.name)
  const origin = { project, service: group.service }
  const kind = spec.effect === 'alert' ? 'sql' : 'warning'
  const episodeId = detectionId(origin, {
    kind,
    subject: `${subject}@${group.environment}`,
    startedAtMs: open.startedAtMs,
  })
  const isFired = outcome.kind === 'fired'
  const isOver = outcome.kind === 'ended'
  // The minute before the end of the window: what an activity tells about is one minute.
  const startedAtMs = isFired || isOver ? open.startedAtMs : window.toMs - MINUTE_MS
  return buildDetection(origin, {
    subject,
    startedAtMs,
    environment: group.environment,
    atMs: window.toMs,
    measurement: {
      observed: value,
      expected: usual ?? spec.value,
      windowMin: spec.window_min,
      score: Math.abs(value),
      threshold: Math.abs(boundOf(spec, usual)),
    },
    tally: { ...emptyTally(group.environment), count: 1, severityMax: ALERT_SEVERITY },
    ...(isFired
      ? { kind, id: episodeId, sentence: sentenceOf(detector, outcome, window) }
      : {
          kind: isOver ? 'episode_end' : 'activity',
          episodeId,
          sentence: laterSentence(detector, outcome, window),
        }),
  })
}

/** That of an error: a team does not say more with a SELECT. */
const ALERT_SEVERITY = 4

export function subjectOf(id: string, name: string): SqlSubject {
  return name === '' ? `sql/${id}` : `sql/${id}/${name}`
}

/** "Failed payments of checkout: 42 in 5 min to 02:35, more than 10 and than 3 times the usual 4.2". */
export function sentenceOf(
  { name, spec }: Pick<DetectorName, 'name' | 'spec'>,
  { group, value, usual }: Outcome,
  window: Window,
): string {
  const what = group.name === '' ? name : `${name} (${group.name})`
  const of = group.service === '' ? '' : ` of ${group.service}`
  const word = WORDS[spec.sign]
  const bound = `${word} ${numberText(spec.value)}`
  const against =
    spec.usual === null || usual === null
      ? ''
      : ` and ${word} ${numberText(spec.usual.times)} times the usual ${numberText(usual)}`
  const row = spec.in_a_row === 1 ? '' : `, ${spec.in_a_row} windows in a row`
  const mark = spec.effect === 'warn' ? 'Early warning (experimental): ' : ''
  return `${mark}${what}${of}: ${numberText(value)} in ${spec.window_min} min to ${clockOf(window.toMs)}, ${bound}${against}${row}`
}

function laterSentence({ name }: DetectorName, { kind, value }: Outcome, window: Window): string {
  const at = clockOf(window.toMs)
  return kind === 'ended'
    ? `${name}: over at ${at}`
    : `${name}: still ${numberText(value)} at ${at}`
}

const WORDS = {
  '>': 'more than',
  '>=': 'at least',
  '<': 'less than',
  '<=': 'at most',
} as const

function boundOf({ sign, value, usual }: DetectorSpec, mean: number | null): number {
  if (usual === null || mean === null) return value
  const own = usual.times * mean
  return isUpward(sign) ? Math.max(value, own) : Math.min(value, own)
}

function clockOf(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(11, 16)} UTC`
}

export function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)))
}
