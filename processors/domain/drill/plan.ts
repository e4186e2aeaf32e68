import { FaultlineError } from '#/kernel/errors.ts'
import { beganAt } from '#/schemas/incident.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { DeployView } from '#/schemas/view.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** What one drill may be. Recorded time unless it says otherwise. */
export const DRILL_LIMITS = {
  speed: { min: 1, max: 20, fallback: 1 },
  /** What is played before it begins: trainees come to a quiet platform. */
  calmMs: MINUTE_MS,
  /** What is played after its last event, so that trainees see that it is over. */
  afterMs: 5 * MINUTE_MS,
  /** Of the sandbox's clock: the past its detectors begin with, as long as they learn from. */
  pastMs: HOUR_MS,
  /** What happened longer before than this is past, whenever it came: history that was loaded is not played. */
  lateMs: MINUTE_MS,
  /** Of the wall clock. */
  playedMsMax: 4 * HOUR_MS,
  minutes: { min: 1, max: 20 * 240 },
  /** Of the wall clock: how long it stays open when all is played. */
  graceS: { min: 0, max: 3_600, fallback: 600 },
  eventsMax: 200_000,
  pastEventsMax: 100_000,
  /** On the average, of the wall clock: the sandbox shares its machine with the platform. */
  eventsPerSecondMax: 1_000,
  answerTerms: 5,
  answerChars: 100,
} as const

export interface DrillWish {
  speed: number
  /** How much is played; to the end of the incident when null. */
  minutes: number | null
  graceS: number
  /** Words by which naming the cause is noticed; of the incident's first cause when empty. */
  answer: readonly string[]
}

export interface DrillPlan {
  speed: number
  leadFromMs: number
  fromMs: number
  /** When the incident began. */
  beganMs: number
  /** Exclusive. */
  toMs: number
  graceMs: number
  answer: readonly string[]
}

/** What of the record is played for an incident. Fails with `invalid_request` that names the field and the remedy. */
export function planOf(
  { incident, deploys }: { incident: Incident; deploys: readonly DeployView[] },
  wish: DrillWish,
  nowMs: number,
): DrillPlan {
  const { speed, minutes, graceS } = wish
  const beganMs = beganAt(incident)
  const fromMs = beganMs - DRILL_LIMITS.calmMs
  const endMs = Math.max(incident.lastActivityAt, beganMs) + DRILL_LIMITS.afterMs
  const toMs = Math.min(nowMs, minutes === null ? endMs : fromMs + minutes * MINUTE_MS)
  checkLength(speed, toMs - fromMs)
  return {
    speed,
    leadFromMs: fromMs - DRILL_LIMITS.pastMs * speed,
    fromMs,
    beganMs,
    toMs,
    graceMs: graceS * 1000,
    answer: wish.answer.length > 0 ? wish.answer : answerOf(incident, deploys),
  }
}

function checkLength(speed: number, recordedMs: number): void {
  const { playedMsMax } = DRILL_LIMITS
  if (recordedMs / speed <= playedMsMax) return
  const minutes = Math.floor((playedMsMax * speed) / MINUTE_MS)
  const needed = Math.ceil(recordedMs / playedMsMax)
  const faster = needed <= DRILL_LIMITS.speed.max ? `, or speed ${needed} or more` : ''
  throw new FaultlineError(
    'invalid_request',
    `At ${speed}x this incident plays for ${Math.ceil(recordedMs / speed / MINUTE_MS)} minutes; a drill plays at most ${playedMsMax / MINUTE_MS}.`,
    { path: 'minutes', remedy: `Give minutes of at most ${minutes}${faster}.` },
  )
}

/** Whether detectors know it from the beginning, or it is played. */
export function isPast(
  event: { occurred_at: number; received_at: number },
  { fromMs }: Pick<DrillPlan, 'fromMs'>,
): boolean {
  return event.received_at < fromMs || event.occurred_at < fromMs - DRILL_LIMITS.lateMs
}

/** Fails when what was found in the record cannot be played. */
export function checkEvents({ speed, fromMs, toMs }: DrillPlan, events: number): void {
  if (events === 0)
    throw new FaultlineError('conflict', 'No event of this incident is in the log any more.', {
      path: 'incident',
      remedy: 'Choose a newer incident, or keep telemetry longer with --log-retention-days.',
    })
  const { eventsPerSecondMax, eventsMax } = DRILL_LIMITS
  if (events > eventsMax)
    throw new FaultlineError(
      'invalid_request',
      `More than ${eventsMax} events are to be played; a drill plays at most that many.`,
      { path: 'minutes', remedy: 'Give fewer minutes.' },
    )
  const perSecond = events / ((toMs - fromMs) / 1000)
  if (perSecond * speed <= eventsPerSecondMax) return
  const slower = Math.floor(eventsPerSecondMax / perSecond)
  throw new FaultlineError(
    'invalid_request',
    `At ${speed}x there are ${Math.round(perSecond * speed)} events a second; a drill plays at most ${eventsPerSecondMax}.`,
    {
      path: 'speed',
      remedy: slower >= 1 ? `Give speed ${slower} or less.` : 'Choose a quieter incident.',
    },
  )
}

/** What people have to name: the release that is to blame, else what the engine holds for the cause. */
export function answerOf(incident: Incident, deploys: readonly DeployView[]): string[] {
  const suspect = deploys.find(({ deploy_id }) => deploy_id === incident.suspectDeploy)
  if (suspect !== undefined && suspect.release !== '') return [suspect.release]
  const first = incident.causes[0]?.subject ?? ''
  const terms = [first, incident.suspectDeploy, incident.root].filter((term) => term !== '')
  return terms.slice(0, 1)
}
