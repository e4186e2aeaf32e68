import type { Incident } from '#/schemas/incident.ts'

const WEEK_MS = 7 * 24 * 3_600_000

/** Means over incidents, in ms; null where no incident tells. */
export interface ResponseTimes {
  /** First event of a member to opening. */
  detectMs: number | null
  /** Opening to the first step a person took. */
  acknowledgeMs: number | null
  /** Opening to resolution. */
  resolveMs: number | null
  /** Incidents opened or reopened per week of the period. */
  pagesPerWeek: number
}

function mean(values: readonly number[]): number | null {
  if (values.length === 0) return null
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** MTTD, MTTA and MTTR of the incidents opened within [fromMs, toMs); merged ones count as the one they went into. */
export function responseTimes(
  incidents: readonly Incident[],
  period: { fromMs: number; toMs: number },
): ResponseTimes {
  const own = incidents.filter(
    ({ openedAt, redirectTo }) =>
      redirectTo === '' && openedAt >= period.fromMs && openedAt < period.toMs,
  )
  const detect = own.flatMap(({ openedAt, members }) => {
    if (members.length === 0) return []
    return [Math.max(0, openedAt - Math.min(...members.map((member) => member.firstAt)))]
  })
  const acknowledge = own.flatMap(({ openedAt, timeline }) => {
    const first = timeline.find((entry) => entry.actor !== undefined)
    return first === undefined ? [] : [Math.max(0, first.at - openedAt)]
  })
  const resolve = own.flatMap(({ openedAt, resolvedAt }) =>
    resolvedAt === null ? [] : [Math.max(0, resolvedAt - openedAt)],
  )
  const pages = own.flatMap(({ timeline }) =>
    timeline.filter(({ kind }) => kind === 'opened' || kind === 'reopened'),
  )
  const weeks = Math.max(period.toMs - period.fromMs, 1) / WEEK_MS
  return {
    detectMs: mean(detect),
    acknowledgeMs: mean(acknowledge),
    resolveMs: mean(resolve),
    pagesPerWeek: pages.length / weeks,
  }
}
