/**
 * What the API asks of the stored projections about groups. Beside the read port of reads.ts, with the same words on
 * times, ranges and failures.
 */
import type { RangeQuery } from './reads.ts'

/** One id that is part of an issue. */
export interface IssueMember {
  fingerprint: string
  title: string
  template: string
  events: number
  first_seen: number
  last_seen: number
  /** Who put it there, and why; empty for the id the issue is named after. */
  actor: string
  reason: string
  /** Id of the decision; empty when it was learned. */
  decision: string
}

export interface IssueMembers {
  /** What the issue is called now. */
  fingerprint: string
  /** The id it is named after first. */
  members: readonly IssueMember[]
}

/** A stored event as far as grouping looks at it. */
export interface GroupableRow {
  service: string
  event_type: 'error' | 'http_request' | 'signup' | 'deploy' | 'feedback' | 'custom'
  environment: string
  message: string
  error_type: string
  error_code: string
  route: string
  stack: string
  /** Only those that grouping looks at. */
  attributes?: Readonly<Record<string, string>>
  title: string
  rule: string
  /** The issue it is shown under now. */
  issue: string
}

export interface Counted {
  value: string
  events: number
}

/** What the events of one issue look like, counted. */
export interface IssueShapeRow {
  fingerprint: string
  title: string
  template: string
  method: string
  events: number
  services: readonly string[]
  types: readonly Counted[]
  culprits: readonly Counted[]
  templates: readonly Counted[]
}

export interface GroupingReads {
  /** Null when there is no such issue. */
  members(query: { project: string; fingerprint: string }): Promise<IssueMembers | null>
  /** The newest events that have an issue, oldest first. */
  sample(query: RangeQuery & { limit: number }): Promise<readonly GroupableRow[]>
  /** Issues with most events in the range. */
  shapes(query: RangeQuery & { limit: number }): Promise<readonly IssueShapeRow[]>
}
