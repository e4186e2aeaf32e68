/** Merging and splitting an incident: what will happen, and what was asked for and has not happened yet. Pure. */
import type { Pending } from '#lib/collab/client.ts'
import type { Incident, RoomEvent } from '#lib/contract.ts'

export type Regrouping = 'merge' | 'split'

/** What a person put together or apart last, kept while this tab lives: the way back is offered. */
export interface Regrouped {
  kind: Regrouping
  /** The incident it was done to, which stays. */
  incidentId: string
  /** The number of the one that went, or of the one that came to be. */
  number: number
  /** The members that changed places. */
  keys: readonly string[]
}

export interface MergePreview {
  stays: Incident
  goes: Incident
  /** Members the one that stays does not have yet. */
  moving: readonly string[]
}

/** Which of two stays does not depend on who asks: the older one, as the engine decides it. */
export function mergePreview(here: Incident, other: Incident): MergePreview {
  const [stays, goes] = isOlder(here, other) ? [here, other] : [other, here]
  const known = new Set(stays.members.map(({ key }) => key))
  const moving = goes.members.filter(({ key }) => !known.has(key))
  return { stays, goes, moving: moving.map(({ title }) => title) }
}

function isOlder(here: Incident, other: Incident): boolean {
  if (here.openedAt !== other.openedAt) return here.openedAt < other.openedAt
  return here.number < other.number
}

/** Why these members cannot leave; empty when they can. */
export function splitObstacle(incident: Incident, keys: readonly string[]): string {
  if (incident.members.length < 2) return 'It has a single part: there is nothing to split off.'
  if (keys.length === 0) return 'Choose what moves to an incident of its own.'
  if (keys.length >= incident.members.length) return 'At least one part stays.'
  return ''
}

export interface Asked {
  kind: Regrouping
  keys: readonly string[]
  /** Of the other incident. */
  into: string
  at: number
  /** The server has not even taken it down. */
  isPending: boolean
}

const DONE: Readonly<Record<Regrouping, readonly string[]>> = {
  merge: ['merged', 'redirect'],
  split: ['split'],
}
const KINDS: Readonly<Record<string, Regrouping>> = { merge_into: 'merge', split_issues: 'split' }

/**
 * What was asked for last and is neither done nor refused: by the room it is decided, by the engine it is done or
 * refused a moment later.
 */
export function askedFor(events: readonly RoomEvent[], pending: readonly Pending[]): Asked | null {
  const waiting = pending.findLast(({ kind }) => Object.hasOwn(KINDS, kind))
  if (waiting !== undefined) return asked(waiting, { at: waiting.at, isPending: true })
  const last = events.findLast(({ kind }) => Object.hasOwn(KINDS, kind))
  if (last === undefined) return null
  const isRefused = events.some(
    ({ kind, payload }) => kind === 'refused' && payload['cmdId'] === last.cmdId,
  )
  if (isRefused) return null
  const found = asked(last, { at: last.ts, isPending: false })
  return doneBy(events, last.seq, found.kind) === undefined ? found : null
}

/** The step of the engine that did what was decided at `seq`. */
export function doneBy(
  events: readonly RoomEvent[],
  seq: number,
  kind: Regrouping,
): { kind: string; sentence: string } | undefined {
  const steps = events.flatMap((event) => {
    const step = event.payload['step'] as { kind: string; sentence: string } | undefined
    return event.kind === 'engine' && event.seq > seq && step !== undefined ? [step] : []
  })
  return steps.find((step) => DONE[kind].includes(step.kind))
}

function asked(
  { kind, payload }: Pick<Pending, 'kind' | 'payload'> | Pick<RoomEvent, 'kind' | 'payload'>,
  more: Pick<Asked, 'at' | 'isPending'>,
): Asked {
  const { into = '', keys = [] } = payload as { into?: string; keys?: readonly string[] }
  return { kind: KINDS[kind] ?? 'merge', into, keys, ...more }
}

/** The number in `… moved 2 issues to #17.` */
export function numberIn(sentence: string): number {
  return Number(/#(\d+)/.exec(sentence)?.[1] ?? 0)
}
