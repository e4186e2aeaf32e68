import { plainTitle } from './plain-title.ts'
import type { DeployView, IncidentRow } from './view.ts'

function list(names: readonly string[]): string {
  if (names.length <= 2) return names.join(' and ')
  return `${names[0]}, ${names[1]} and ${names.length - 2} more`
}

/** Slots of a spark that are compared with as many before them: what went on an hour ago says nothing about now. */
const TREND_SLOTS = 3

/** Whether the last slots of the spark are clearly above or below those before them. */
export function trendOf(spark: readonly number[]): 'rising' | 'falling' | 'steady' {
  const slots = Math.min(TREND_SLOTS, Math.floor(spark.length / 3))
  if (slots === 0) return 'steady'
  const sum = (from: number, to: number): number =>
    spark.slice(from, to).reduce((total, value) => total + value, 0)
  const [before, now] = [
    sum(spark.length - 2 * slots, spark.length - slots),
    sum(spark.length - slots, spark.length),
  ]
  if (now > before * 1.3 + 3) return 'rising'
  return now < before * 0.7 - 3 ? 'falling' : 'steady'
}

const TREND_WORDS = {
  rising: 'and it is getting worse',
  falling: 'and it is calming down',
  steady: 'and it is steady',
}

const MINUTE_MS = 60_000
/** An incident that goes on changes with every minute. */
const QUIET_FROM_MS = 2 * MINUTE_MS

function going(incident: IncidentRow, nowMs: number): string {
  const quietMs = nowMs - incident.updated_at
  if (quietMs < QUIET_FROM_MS) return TREND_WORDS[trendOf(incident.spark ?? [])]
  const minutes = Math.floor(quietMs / MINUTE_MS)
  return `and it has been quiet for ${minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`}`
}

/** A title that begins with its services says already where it is. */
function where({ title, services }: IncidentRow): string {
  return services.some((service) => title.startsWith(service)) ? '' : ` in ${list(services)}`
}

interface Around {
  hasData: boolean
  nowMs: number
  deploys: readonly DeployView[]
  /** How many are open, when `active` are only the worst of them. */
  open?: number
}

/** One sentence for the top of the page: what is worst, since which release, and whether it is getting worse. */
export function headlineOf(
  active: readonly IncidentRow[],
  { hasData, nowMs, deploys, open = active.length }: Around,
): string {
  const worst = active[0]
  if (!hasData) return 'No telemetry has arrived yet.'
  if (worst === undefined) return 'All quiet: no open incident.'
  const others =
    open <= 1 ? '' : ` ${open - 1} more ${open === 2 ? 'incident is' : 'incidents are'} open.`
  const users = worst.users > 0 ? `, about ${worst.users.toLocaleString('en')} users affected` : ''
  const suspect =
    worst.suspect_deploy === ''
      ? undefined
      : deploys.find(({ deploy_id }) => deploy_id === worst.suspect_deploy)
  const since = suspect === undefined ? '' : ` since ${suspect.service} ${suspect.release}`
  return `SEV${worst.severity}: ${plainTitle(worst.title)}${where(worst)}${since}${users}, ${going(worst, nowMs)}.${others}`
}
