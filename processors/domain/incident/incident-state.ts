import type {
  Cause,
  Incident,
  IncidentMember,
  IncidentSilence,
  IncidentStatus,
  MemberReason,
  TimelineEntry,
} from '#/schemas/incident.ts'
import { countUsers, mergeSketches } from '#/processors/domain/spike/user-sketch.ts'
import type { Alert } from './alert.ts'
import { LIMITS } from './policy.ts'
import { settled } from './severity.ts'
import type { HeldSeverity } from './severity.ts'

const MINUTE_MS = 60_000
/** Minutes a severity looks back. */
export const SEVERITY_MINUTES = 15

/** One stretch of alarm of a member; `endedAtMs` null while it lasts. */
export interface Episode {
  id: string
  startedAtMs: number
  endedAtMs: number | null
  lastAtMs: number
  /** Events told with the alert itself, and those of closed minutes since. */
  alertEvents: number
  minuteEvents: number
}

/** A member as the clusterer keeps it: plain data, so that a snapshot is its JSON. */
export interface MemberState {
  /** The facts of its latest alert. */
  alert: Alert
  reason: MemberReason
  /** Grows by one with every member of the project, so that order survives a restart. */
  order: number
  joinedAtMs: number
  firstAtMs: number
  lastAtMs: number
  score: number
  users: readonly number[]
  releases: readonly string[]
  hosts: readonly string[]
  episodes: Episode[]
  silence?: IncidentSilence
}

/** Events and users of one minute of event time. */
interface MinuteState {
  minute: number
  events: number
  users: readonly number[]
}

export interface IncidentState {
  id: string
  /** 0 while there is not evidence enough to tell anyone. */
  number: number
  status: IncidentStatus
  openedAtMs: number
  updatedAtMs: number
  resolvedAtMs: number | null
  lastActivityAtMs: number
  seq: number
  members: MemberState[]
  /** The latest minutes, oldest first. */
  minutes: MinuteState[]
  users: readonly number[]
  severity: HeldSeverity
  root: string
  suspectDeploy: string
  causes: readonly Cause[]
  /** Members came or went since the causes were looked for. */
  hasStaleCauses: boolean
  redirectTo: string
  recurrenceOf: string
  regressed: boolean
  flapping: boolean
  /** A person made it of several: nothing is taken out of it but by a person. */
  isHeldTogether?: boolean
  /** What was last told about its being muted. */
  isSilenced?: boolean
  /** The name people gave it; the engine's own otherwise. */
  givenTitle?: string
  /** Services a person named when opening it by hand; its members' come on top. */
  declaredServices?: readonly string[]
  /** Minute of event time in which its activity was last told. */
  toldMinute: number
  /** Something was counted since it was last told. */
  isDirty: boolean
  timeline: TimelineEntry[]
}

const UNSCORED = settled({ level: 5, score: 0, z: 0, terms: [] })

export function emptyIncident(id: string, atMs: number): IncidentState {
  return {
    id,
    number: 0,
    status: 'open',
    openedAtMs: atMs,
    updatedAtMs: atMs,
    resolvedAtMs: null,
    lastActivityAtMs: atMs,
    seq: 0,
    members: [],
    minutes: [],
    users: [],
    severity: UNSCORED,
    root: '',
    suspectDeploy: '',
    causes: [],
    hasStaleCauses: true,
    redirectTo: '',
    recurrenceOf: '',
    regressed: false,
    flapping: false,
    toldMinute: 0,
    isDirty: false,
    timeline: [],
  }
}

export function isAnnounced(incident: IncidentState): boolean {
  return incident.number > 0
}

const servicesCache = new WeakMap<
  readonly MemberState[],
  { count: number; services: readonly string[] }
>()

/** Sorted. Members only ever come at the end, or the list is another one, so the last answer often still holds. */
export function servicesOf({ members }: IncidentState): readonly string[] {
  const known = servicesCache.get(members)
  if (known?.count === members.length) return known.services
  const names = new Set(members.map((member) => member.alert.service))
  const services = [...names].toSorted().slice(0, LIMITS.servicesPerIncident)
  servicesCache.set(members, { count: members.length, services })
  return services
}

export function eventsOf(member: MemberState): number {
  return member.episodes.reduce((sum, episode) => sum + episodeEvents(episode), 0)
}

/** A minute leaves out what its alert has told already, so nothing is counted twice. */
export function episodeEvents(episode: Episode): number {
  return episode.alertEvents + episode.minuteEvents
}

/** Counts events and users into their minute; minutes that fell out of the window are forgotten. */
export function countMinute(
  incident: IncidentState,
  counted: { atMs: number; events: number; users: readonly number[] },
): void {
  const minute = Math.floor(counted.atMs / MINUTE_MS)
  const { minutes } = incident
  incident.users = mergeSketches(incident.users, counted.users)
  const latest = minutes.at(-1)?.minute ?? minute
  if (minute <= latest - SEVERITY_MINUTES) return
  let at = minutes.findIndex((entry) => entry.minute >= minute)
  if (at === -1) at = minutes.length
  const known = minutes[at]
  if (known?.minute === minute) {
    known.events += counted.events
    known.users = mergeSketches(known.users, counted.users)
  } else {
    minutes.splice(at, 0, { minute, events: counted.events, users: counted.users })
  }
  while ((minutes[0]?.minute ?? minute) <= Math.max(latest, minute) - SEVERITY_MINUTES - 1)
    minutes.shift()
}

/** Events and distinct users of the 15 minutes up to `nowMs`. */
export function recentImpact(
  incident: IncidentState,
  nowMs: number,
): { events: number; users: number } {
  const first = Math.floor(nowMs / MINUTE_MS) - SEVERITY_MINUTES
  let events = 0
  let users: readonly number[] = []
  for (const entry of incident.minutes) {
    if (entry.minute < first) continue
    events += entry.events
    users = mergeSketches(users, entry.users)
  }
  return { events, users: countUsers(users) }
}

export function addTimeline(
  incident: IncidentState,
  entry: { at: number; kind: string; sentence: string; actor?: string },
): void {
  incident.seq += 1
  incident.timeline.push({ seq: incident.seq, ...entry })
  if (incident.timeline.length > LIMITS.timelineHead + LIMITS.timelineTail)
    incident.timeline.splice(LIMITS.timelineHead, 1)
}

function toMember(member: MemberState): IncidentMember {
  const { alert } = member
  return {
    key: alert.key,
    fingerprint: alert.fingerprint,
    kind: alert.kind,
    service: alert.service,
    environment: alert.environment,
    title: alert.title,
    firstAt: member.firstAtMs,
    lastAt: member.lastAtMs,
    events: eventsOf(member),
    users: countUsers(member.users),
    score: member.score,
    sentence: alert.sentence,
    reason: member.reason,
    hosts: member.hosts,
    releases: member.releases,
    sampleEventId: alert.sampleEventId,
    ...(member.silence === undefined ? {} : { silence: member.silence }),
  }
}

/** What the incident is called: the alert it most likely began with, and how far it reaches. */
export function incidentTitle(incident: IncidentState): string {
  const { members, root, givenTitle } = incident
  if (givenTitle !== undefined) return givenTitle.slice(0, LIMITS.textMax)
  const atRoot = members.filter((member) => member.alert.service === root)
  const near = atRoot.length > 0 ? atRoot : members
  // An error has words of its own; a count or a latency only has numbers.
  const named = near.filter((member) => member.alert.fingerprint !== '')
  const [first] = (named.length > 0 ? named : near).toSorted(
    (left, right) => left.firstAtMs - right.firstAtMs || left.order - right.order,
  )
  if (first === undefined) return 'Incident without alerts'
  const services = servicesOf(incident)
  const others = services.length - 1
  const reach = others > 0 ? ` and ${others} more service${others === 1 ? '' : 's'}` : ''
  const isOwnService = root === '' || root === first.alert.service
  const where = isOwnService ? first.alert.service : `${root}, seen in ${first.alert.service}`
  return `${where}${reach}: ${first.alert.title}`.slice(0, LIMITS.textMax)
}

/** Only when all of it is muted, and until the first part of it no longer is. */
export function silenceOf(members: readonly MemberState[]): IncidentSilence | undefined {
  let first: IncidentSilence | undefined
  for (const { silence } of members) {
    if (silence === undefined) return undefined
    if (first === undefined || silence.until < first.until) first = silence
  }
  return first
}

function allServices(incident: IncidentState): readonly string[] {
  const { declaredServices } = incident
  if (declaredServices === undefined) return servicesOf(incident)
  const all = new Set([...declaredServices, ...servicesOf(incident)])
  return [...all].toSorted().slice(0, LIMITS.servicesPerIncident)
}

/** The incident as others see it: a copy that later changes do not touch. */
export function toIncident(incident: IncidentState, project: string): Incident {
  const silenced = silenceOf(incident.members)
  return {
    id: incident.id,
    number: incident.number,
    project,
    seq: incident.seq,
    status: incident.status,
    title: incidentTitle(incident),
    severity: incident.severity.shown,
    openedAt: incident.openedAtMs,
    updatedAt: incident.updatedAtMs,
    resolvedAt: incident.resolvedAtMs,
    lastActivityAt: incident.lastActivityAtMs,
    services: allServices(incident),
    members: incident.members.map((member) => toMember(member)),
    events: incident.members.reduce((sum, member) => sum + eventsOf(member), 0),
    users: countUsers(incident.users),
    root: incident.root,
    suspectDeploy: incident.suspectDeploy,
    causes: incident.causes,
    redirectTo: incident.redirectTo,
    recurrenceOf: incident.recurrenceOf,
    regressed: incident.regressed,
    flapping: incident.flapping,
    ...(silenced === undefined ? {} : { silenced }),
    timeline: [...incident.timeline],
  }
}
