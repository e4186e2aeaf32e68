import { addToSketch, hashUser, mergeSketches } from './user-sketch.ts'
import type { DetectionSample, DetectorEvent } from './types.ts'

/** What is summed up about the events of one subject. Plain data. */
export interface Tally {
  count: number
  severityMax: number
  users: number[]
  hosts: string[]
  releases: string[]
  callees: string[]
  /** Absent while there are none, as mostly. */
  aliases?: string[]
  environment: string
  sample?: DetectionSample
}

const NAMES_MAX = 8
const TEXT_LENGTH_MAX = 500

export function emptyTally(environment: string): Tally {
  return { count: 0, severityMax: 0, users: [], hosts: [], releases: [], callees: [], environment }
}

/** The tally of one event, which is its sample. */
export function createTally(event: DetectorEvent): Tally {
  const tally: Tally = { ...emptyTally(event.environment), sample: sampleOf(event) }
  addToTally(tally, event)
  return tally
}

export function addToTally(tally: Tally, event: DetectorEvent): void {
  tally.count += 1
  tally.severityMax = Math.max(tally.severityMax, event.severity)
  if (event.userId !== undefined) addToSketch(tally.users, hashUser(event.userId))
  addName(tally.hosts, event.host)
  addName(tally.releases, event.release)
  addName(tally.callees, event.callee)
  if (event.ownFingerprint !== undefined) addName((tally.aliases ??= []), event.ownFingerprint)
}

/** Adds `from` to `to` in place; the sample of `to` stays. */
export function mergeTally(to: Tally, from: Tally): void {
  to.count += from.count
  to.severityMax = Math.max(to.severityMax, from.severityMax)
  to.users = mergeSketches(to.users, from.users)
  for (const name of from.hosts) addName(to.hosts, name)
  for (const name of from.releases) addName(to.releases, name)
  for (const name of from.callees) addName(to.callees, name)
  for (const name of from.aliases ?? []) addName((to.aliases ??= []), name)
}

/** Sorted, distinct, at most eight; later names than that are left out. */
function addName(names: string[], name: string | undefined): void {
  if (name === undefined || names.length >= NAMES_MAX || names.includes(name)) return
  const at = names.findIndex((other) => other > name)
  names.splice(at === -1 ? names.length : at, 0, name)
}

export function sampleOf(event: DetectorEvent): DetectionSample {
  const zone = event.attributes?.['zone']
  return {
    eventId: event.eventId,
    occurredAtMs: event.occurredAtMs,
    severity: event.severity,
    ...(event.message === undefined ? {} : { message: cut(event.message) }),
    ...(event.title === undefined ? {} : { title: cut(event.title) }),
    ...(event.template === undefined ? {} : { template: cut(event.template) }),
    ...(event.errorType === undefined ? {} : { errorType: cut(event.errorType) }),
    ...(event.host === undefined ? {} : { host: event.host }),
    ...(event.release === undefined ? {} : { release: event.release }),
    ...(event.route === undefined ? {} : { route: event.route }),
    ...(event.statusCode === undefined ? {} : { statusCode: event.statusCode }),
    ...(event.callee === undefined ? {} : { callee: event.callee }),
    ...(typeof zone === 'string' ? { zone } : {}),
  }
}

const cut = (text: string): string =>
  text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX - 1)}…`
