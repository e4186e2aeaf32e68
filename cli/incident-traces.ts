import type { IncidentTrace } from '#/processors/domain/incident/diff.ts'
import type { IncidentChange } from '#/processors/domain/incident/cluster.ts'
import type { IncidentMembership } from '#/processors/domain/incident/clusterer.ts'
import type { OfflinePipeline } from '#/processors/domain/pipeline.ts'
import type { Event } from '#/schemas/records.ts'
import { createEventLedger } from './backtest-members.ts'

/** Follows one run of rules over recorded events, to tell at the end what its incidents were made of. */
export interface TraceRun {
  push(event: Event): void
  /** Incidents that were alive between these times. */
  finish(range: { fromMs: number; toMs: number }): IncidentTrace[]
  /** Events with an issue: what memory grows with. */
  readonly held: number
}

const MINUTE_MS = 60_000
/** A service-wide alert that lasts for days is told apart by its first day. */
const MINUTES_MAX = 1440

interface Worst {
  level: number
  score: number
}

export function createTraceRun(pipeline: OfflinePipeline): TraceRun {
  const ledger = createEventLedger()
  const worst = new Map<string, Worst>()
  let held = 0
  const follow = (changes: readonly IncidentChange[]): void => {
    for (const { incident } of changes) {
      const { level, score } = incident.severity
      const known = worst.get(incident.id) ?? { level, score }
      worst.set(incident.id, {
        level: Math.min(known.level, level),
        score: Math.max(known.score, score),
      })
    }
  }
  const traceOf = (membership: IncidentMembership): IncidentTrace => {
    const { id, title, services, openedAt, resolvedAt, severity } = membership.incident
    const { level, score } = worst.get(id) ?? severity
    const evidence = new Set([...ledger.membersOf(membership), ...minutesOf(membership)])
    return { id, title, services, openedAt, resolvedAt, level, score, evidence }
  }
  return {
    push(event) {
      const pushed = pipeline.push(event)
      if (pushed === undefined) return
      const { event_id: id, occurred_at: atMs, service, environment } = event
      if (pushed.fingerprint !== '') held += 1
      ledger.add({ id, atMs, service, environment, fingerprint: pushed.fingerprint })
      follow(pushed.changes)
    },
    finish({ fromMs, toMs }) {
      follow(pipeline.finish())
      return pipeline.clusterer
        .memberships()
        .filter(
          ({ incident }) => incident.openedAt < toMs && (incident.resolvedAt ?? Infinity) >= fromMs,
        )
        .map((membership) => traceOf(membership))
    },
    get held() {
      return held
    },
  }
}

/** What stands for alerts about a service as a whole, which hold no events: its minutes. */
function minutesOf({ issues }: IncidentMembership): string[] {
  const minutes: string[] = []
  for (const { fingerprint, service, environment, episodes } of issues) {
    if (fingerprint !== '') continue
    for (const { fromMs, toMs } of episodes) {
      const first = Math.floor(fromMs / MINUTE_MS)
      const last = Math.min(Math.floor(toMs / MINUTE_MS), first + MINUTES_MAX)
      for (let minute = first; minute <= last; minute += 1)
        minutes.push(`${environment}/${service}@${minute}`)
    }
  }
  return minutes
}
