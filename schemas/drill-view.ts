/** Drills: recorded outages played again to trainees, and what is told about them. Times are epoch ms. */

/** preparing: its sandbox is being opened; playing; grace: all is played and work may be finished; ended; failed. */
export const DRILL_STATES = ['preparing', 'playing', 'grace', 'ended', 'failed'] as const
export type DrillState = (typeof DRILL_STATES)[number]

export interface DrillView {
  id: number
  project: string
  incident_id: string
  incident_number: number
  title: string
  state: DrillState
  /** Recorded time passes this many times faster. */
  speed: number
  /** What is played, in recorded time; detectors have seen what came from `lead_from` on. */
  lead_from: number
  from: number
  to: number
  /** Events of what is played, and how many of them have been so far. */
  events: number
  played: number
  started_by: string
  /** When the first recorded moment was due; 0 while it is prepared. */
  started_at: number
  /** When all is played; until when it stays open after that. */
  played_at: number
  closes_at: number
  ended_at: number
  /** Why it ended or failed, in a sentence. */
  why: string
  /** Port of its pages, on the host of the platform's own; 0 when they are not open. */
  port: number
  /** Where its pages are reached instead, where that is configured. */
  url: string
}

/** What pages of a sandbox know of the platform they stand beside. */
export interface SandboxView {
  drill: DrillView
  /** Port and, where configured, address of the platform itself. */
  home: { port: number; url: string }
  now: number
}

/** One moment of both logs. */
export interface DrillMoment {
  /** Clock of its own log. */
  at: number
  /** Since it began, ms of the clock. */
  after: number
  /** Since it began, ms of recorded time: `after` times the speed; the same in the recorded log. */
  story: number
  /** Empty when the platform did it. */
  by: string
  what: string
}

export interface DrillMilestone {
  key: string
  name: string
  recorded: DrillMoment | null
  drill: DrillMoment | null
}

export interface DrillCard {
  kind: string
  title: string
  by: string
  state: string
}

export interface DrillLink {
  kind: string
  from: string
  to: string
}

/** What both sides have, and what only one has. */
export interface DrillPairs<T> {
  both: readonly { recorded: T; drill: T; alike: number }[]
  only_recorded: readonly T[]
  only_drill: readonly T[]
}

export interface DrillRoom {
  id: string
  number: number
  title: string
  /** Changes by people. */
  changes: number
  /** Whether it is the one compared. */
  compared: boolean
}

export interface DrillReport {
  drill: DrillView
  /** What naming the cause was measured by. */
  answer: readonly string[]
  /** When it began, by each clock. */
  began: { recorded: number; drill: number }
  milestones: readonly DrillMilestone[]
  statuses: { recorded: readonly DrillMoment[]; drill: readonly DrillMoment[] }
  people: { recorded: readonly string[]; drill: readonly string[] }
  /** Changes by people. */
  changes: { recorded: number; drill: number }
  cards: DrillPairs<DrillCard>
  links: DrillPairs<DrillLink>
  /** What came to be in the sandbox. */
  rooms: readonly DrillRoom[]
  /** Events of the window in the recorded log, played, and kept by the sandbox; null where nobody could count them. */
  events: { recorded: number; played: number; kept: number | null }
}

/** 42 s, 3 min 5 s, 1 h 2 min; with a minus before it began. */
export function drillSpan(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000)
  const sign = ms < 0 && seconds > 0 ? '−' : ''
  const [hours, minutes, rest] = [
    Math.floor(seconds / 3600),
    Math.floor((seconds % 3600) / 60),
    seconds % 60,
  ]
  if (hours > 0) return `${sign}${hours} h ${minutes} min`
  return minutes > 0 ? `${sign}${minutes} min ${rest} s` : `${sign}${rest} s`
}
