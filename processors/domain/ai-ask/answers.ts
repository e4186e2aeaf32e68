import { plainText } from '#/processors/domain/ai-evidence/sql-text.ts'
import { plainTitle } from '#/schemas/plain-title.ts'
import type { AskKind } from './kinds.ts'
import type { Slots } from './question.ts'

export interface Table {
  columns: readonly string[]
  rows: readonly (readonly unknown[])[]
}

type Cells = Readonly<Record<string, string>>
type Say = (rows: readonly Cells[], slots: Slots) => string

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
const sum = (rows: readonly Cells[], name: string): number =>
  rows.reduce((total, row) => total + Number(row[name] ?? 0), 0)
const at = (row: Cells | undefined, name: string): string => row?.[name] ?? ''
const where = ({ service }: Slots): string => (service === '' ? '' : ` in ${service}`)
/** An incident that was opened by hand may name no service. */
const services = (row: Cells, say: (names: string) => string): string =>
  at(row, 'where_') === '' ? '' : say(at(row, 'where_'))
const clock = (time: string): string => time.slice(0, 16)

/** One sentence out of the rows; what it says stands in them. */
const SAY: Readonly<Record<AskKind, Say>> = {
  open_incidents: ([first, ...rest], slots) =>
    first === undefined
      ? `No incident is open${where(slots)}.`
      : `${counted(rest.length + 1, 'incident')} open${where(slots)}; the worst is #${at(first, 'number')}, SEV${at(first, 'severity')}: ${at(first, 'title')}${services(first, (names) => ` (${names})`)}.`,
  priorities: ([first]) =>
    first === undefined
      ? 'Nothing is open: there is nothing to begin with.'
      : `Begin with #${at(first, 'number')}: SEV${at(first, 'severity')} (score ${at(first, 'severity_score')}), ${counted(Number(at(first, 'users')), 'user')}, ${at(first, 'title')}${services(first, (names) => ` in ${names}`)}.`,
  incident_summary: ([row]) =>
    row === undefined
      ? 'There is no such incident.'
      : `#${at(row, 'number')} is ${at(row, 'status')}, SEV${at(row, 'severity')}: ${at(row, 'title')}. ${at(row, 'impact')}`,
  incident_cause: ([row]) =>
    row === undefined
      ? 'There is no such incident.'
      : `#${at(row, 'number')} most likely began in ${at(row, 'root') || 'an unknown place'}${at(row, 'suspect_deploy') === '' ? '' : `, after deploy ${at(row, 'suspect_deploy')}`}. ${at(row, 'likely_causes')}`,
  incident_timeline: (rows) =>
    rows.length === 0
      ? 'There is no such incident.'
      : `${counted(rows.length, 'step')}, from ${clock(at(rows[0], 'at'))} to ${clock(at(rows.at(-1), 'at'))}.`,
  similar_incidents: ([first, ...rest]) =>
    first === undefined
      ? 'No other incident shares an issue or a service with it.'
      : `${counted(rest.length + 1, 'incident')} alike; the closest is #${at(first, 'number')}, ${at(first, 'title')} (${at(first, 'common_issues')} common issues, ${at(first, 'status')}).`,
  resolved_incidents: (rows, slots) =>
    rows.length === 0
      ? `No incident was resolved${where(slots)} in this time.`
      : `${counted(rows.length, 'incident')} resolved${where(slots)}; the last was #${at(rows[0], 'number')}, ${at(rows[0], 'title')}, after ${at(rows[0], 'minutes')} minutes.`,
  resolution_times: ([row]) =>
    at(row, 'resolved') === '' || at(row, 'resolved') === '0'
      ? 'No incident was resolved in this time.'
      : `${counted(Number(at(row, 'resolved')), 'incident')} resolved: ${at(row, 'mean_minutes')} minutes on average, half of them within ${at(row, 'median_minutes')}, the longest ${at(row, 'longest_minutes')}.`,
  errors_by_service: (rows) =>
    rows.length === 0
      ? 'No service reported an error in this time.'
      : `${at(rows[0], 'service')} has the most errors: ${at(rows[0], 'errors')} of ${sum(rows, 'errors')} in ${counted(rows.length, 'service')}.`,
  error_trend: (rows, slots) =>
    rows.length === 0
      ? `There were no errors${where(slots)} in this time.`
      : `${sum(rows, 'errors')} errors${where(slots)}; most in the interval from ${clock(peakOf(rows))}.`,
  top_issues: (rows, slots) =>
    rows.length === 0
      ? `There are no issues${where(slots)} in this time.`
      : `The most frequent${where(slots)} is "${at(rows[0], 'issue')}" with ${at(rows[0], 'events')} events.`,
  new_issues: (rows, slots) =>
    rows.length === 0
      ? `No issue was seen for the first time${where(slots)}.`
      : `${counted(rows.length, 'new issue')}${where(slots)}; the latest is "${at(rows[0], 'issue')}", first seen ${clock(at(rows[0], 'first_seen_at'))}.`,
  deploys: (rows, slots) =>
    rows.length === 0
      ? `Nothing was deployed${where(slots)} in this time.`
      : `${counted(rows.length, 'deploy')}${where(slots)}; the last was ${at(rows[0], 'release')} of ${at(rows[0], 'service')} at ${clock(at(rows[0], 'occurred_at'))}.`,
  release_health: (rows, slots) => releaseSentence(rows, slots),
  slow_services: (rows, slots) =>
    rows.length === 0
      ? `No durations were reported${where(slots)} in this time.`
      : `${at(rows[0], 'service')}: half of its requests take up to ${at(rows[0], 'p50_ms')} ms, 95 of 100 up to ${at(rows[0], 'p95_ms')} ms.`,
  slow_routes: (rows) =>
    rows.length === 0
      ? 'No durations were reported for routes in this time.'
      : `${at(rows[0], 'route')} is the slowest: 95 of 100 requests take up to ${at(rows[0], 'p95_ms')} ms.`,
  failed_requests: (rows, slots) =>
    rows.length === 0
      ? `There were no requests${where(slots)} in this time.`
      : `${sum(rows, 'failed')} of ${sum(rows, 'requests')} requests failed${where(slots)}; most on ${at(rows[0], 'route')} (${at(rows[0], 'failed')}, ${at(rows[0], 'failed_percent')} %).`,
  affected_users: ([row], slots) =>
    `${counted(Number(at(row, 'users')), 'user')} met errors${where(slots)}${slots.incident === undefined ? '' : ` of incident #${slots.incident}`}, ${at(row, 'errors')} errors in all.`,
  user_journey: (rows, { user }) =>
    rows.length === 0
      ? `Nothing is known of user ${user} in this time.`
      : `${counted(rows.length, 'event')} of user ${user}; the last at ${clock(at(rows[0], 'occurred_at'))} in ${at(rows[0], 'service')}.`,
  search: (rows, { text }) =>
    rows.length === 0
      ? `No event mentions "${text}" in this time.`
      : `${counted(rows.length, 'event')} with "${text}"; the last at ${clock(at(rows[0], 'occurred_at'))} in ${at(rows[0], 'service')}.`,
  business: (rows) =>
    `${sum(rows, 'signups')} sign-ups and ${sum(rows, 'feedback')} messages of feedback in this time.`,
  quiet_services: (rows) =>
    rows.length === 0
      ? 'Every service that reported in this time still does.'
      : `${counted(rows.length, 'service')} went quiet: ${rows
          .slice(0, 5)
          .map((row) => `${at(row, 'service')} (last ${clock(at(row, 'last_minute'))})`)
          .join(', ')}.`,
}

function peakOf(rows: readonly Cells[]): string {
  const peak = rows.reduce(
    (best, row) => (Number(row['errors']) > Number(best['errors']) ? row : best),
    rows[0]!,
  )
  return at(peak, 'bucket')
}

/** Releases come service by service, the youngest first: each is compared with the one before it. */
function releaseSentence(rows: readonly Cells[], slots: Slots): string {
  const pairs = rows.flatMap((row, index) => {
    const older = rows[index + 1]
    const isAsked = slots.release === '' || row['release']?.toLowerCase() === slots.release
    return older !== undefined && older['service'] === row['service'] && isAsked
      ? [{ row, older }]
      : []
  })
  const worst = pairs.toSorted((a, b) => growth(b) - growth(a))[0]
  if (worst === undefined)
    return rows.length === 0
      ? `No release was seen${where(slots)} in this time.`
      : `There is no earlier release to compare with${where(slots)}.`
  const { row, older } = worst
  const verdict = growth(worst) > 1 ? 'has more errors than' : 'is no worse than'
  return `${at(row, 'release')} of ${at(row, 'service')} ${verdict} ${at(older, 'release')}: ${at(row, 'error_percent')} % against ${at(older, 'error_percent')} %.`
}

function growth({ row, older }: { row: Cells; older: Cells }): number {
  return Number(row['error_percent']) - Number(older['error_percent'])
}

/** The answer in words. Texts of the rows are one line each and never markup. */
export function sayAnswer(kind: AskKind, table: Table, slots: Slots): string {
  const rows = table.rows.map((row) =>
    Object.fromEntries(table.columns.map((name, index) => [name, cellText(row[index])])),
  )
  return plainTitle(SAY[kind](rows, slots))
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map((one) => plainText(String(one), 200)).join(' ')
  return plainText(typeof value === 'string' ? value : JSON.stringify(value), 200)
}
