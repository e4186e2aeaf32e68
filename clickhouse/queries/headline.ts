import type { IncidentRow } from '#/schemas/view.ts'

function list(names: readonly string[]): string {
  if (names.length <= 2) return names.join(' and ')
  return `${names[0]}, ${names[1]} and ${names.length - 2} more`
}

/** Whether the last third of the spark is clearly above or below the third before it. */
export function trendOf(spark: readonly number[]): 'rising' | 'falling' | 'steady' {
  const third = Math.floor(spark.length / 3)
  if (third === 0) return 'steady'
  const sum = (from: number, to: number): number =>
    spark.slice(from, to).reduce((total, value) => total + value, 0)
  const [before, now] = [
    sum(spark.length - 2 * third, spark.length - third),
    sum(spark.length - third, spark.length),
  ]
  if (now > before * 1.3 + 3) return 'rising'
  return now < before * 0.7 - 3 ? 'falling' : 'steady'
}

const TREND_WORDS = {
  rising: 'and it is getting worse',
  falling: 'and it is calming down',
  steady: 'and it is steady',
}

/** One sentence for the top of the page: what is worst, and whether it is getting worse. */
export function headlineOf(active: readonly IncidentRow[], hasData: boolean): string {
  const worst = active[0]
  if (!hasData) return 'No telemetry has arrived yet.'
  if (worst === undefined) return 'All quiet: no open incident.'
  const others =
    active.length === 1
      ? ''
      : ` ${active.length - 1} more ${active.length === 2 ? 'incident is' : 'incidents are'} open.`
  const users = worst.users > 0 ? `, about ${worst.users.toLocaleString('en')} users affected` : ''
  return `SEV${worst.severity}: ${worst.title.replaceAll('<*>', '…')} in ${list(worst.services)}${users}, ${TREND_WORDS[trendOf(worst.spark ?? [])]}.${others}`
}
