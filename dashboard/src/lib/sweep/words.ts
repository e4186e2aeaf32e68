import type { SweepPoint, SweepResult, SweepState } from '#lib/contract.ts'
import { counted, grouped } from '#lib/format.ts'

/** What the last sweep says, in a sentence. */
export function sweepTitle(state: SweepState | undefined): string {
  if (state === undefined || state.phase === '') return 'No threshold was tried yet.'
  if (state.running)
    return `A sweep is running: ${grouped(state.records)} of ${grouped(state.total)} records.`
  const { result } = state
  if (result === null)
    return state.phase === 'cancelled' ? 'The sweep was cancelled.' : `It failed: ${state.error}`
  const now = result.points.find((point) => point.in_force)
  if (now === undefined) return `${counted(result.points.length, 'value')} of ${result.setting}.`
  return `Now ${perWeek(now)}, and ${missedOf(now)}.`
}

export const perWeek = ({ pages_per_week: pages }: SweepPoint): string =>
  `${pages} ${pages === 1 ? 'page' : 'pages'} a week`

export function missedOf({ real_found: found, real_missed: missed }: SweepPoint): string {
  if (found + missed === 0) return 'no labelled real incident to miss'
  return `${grouped(missed)} of ${grouped(found + missed)} real incidents missed`
}

/** What has to be known beside the curve; empty when there is nothing. */
export function sweepCaveat({ labelled, not_reproduced: unknown }: SweepResult): string {
  const { real, noise, duplicate } = labelled
  const parts = [
    `Labelled: ${grouped(real)} real, ${grouped(noise)} noise, ${counted(duplicate, 'duplicate')}.`,
    ...(unknown === 0
      ? []
      : [
          `${grouped(unknown)} of them are not found in the telemetry by the rules in force either.`,
        ]),
  ]
  return parts.join(' ')
}

export interface CurvePoint {
  x: number
  y: number
  value: number
  in_force: boolean
}

/** Missed real incidents to the right, pages a week upwards, each from 0 to 100. */
export function curveOf({ points }: SweepResult): CurvePoint[] {
  const most = Math.max(1e-9, ...points.map((point) => point.pages_per_week))
  return points.map((point) => {
    const { real_found: found, real_missed: missed, value, in_force } = point
    const share = found + missed === 0 ? 0 : missed / (found + missed)
    return { x: share * 100, y: (point.pages_per_week / most) * 100, value, in_force }
  })
}

/** How a replay diff takes this point. */
export function rulesText({ rules }: SweepPoint): string {
  return JSON.stringify(rules)
}
