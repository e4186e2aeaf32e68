import type { Happening } from '#lib/chart/axis.ts'
import { deployHappenings } from '#lib/chart/happenings.ts'
import { seriesModel, type ChartModel } from '#lib/chart/model.ts'
import { bucketMs } from '#lib/chart/step.ts'
import type { Incident, IncidentDetail } from '#lib/contract.ts'
import { absolute } from '#lib/time/format.ts'

const MINUTE_MS = 60_000
/** Shown before the opening at least: a step only shows against what was before. */
const LEAD_MS = 15 * MINUTE_MS

/** Errors by service around the incident. */
export function incidentChart({ chart, incident }: IncidentDetail): ChartModel {
  const times = chart.map((point) => point.at)
  const stepMs = bucketMs(chart, MINUTE_MS)
  const from = Math.min(incident.openedAt - LEAD_MS, ...times)
  const to = Math.max(
    incident.openedAt + stepMs,
    incident.lastActivityAt,
    ...times.map((at) => at + stepMs),
  )
  return seriesModel(chart, { from, to, stepMs }, { stacked: true })
}

/** Ids of the deploys it is blamed on, the likeliest first. */
export function suspectsOf({ causes, suspectDeploy }: Incident): readonly string[] {
  const others = causes.filter(({ kind }) => kind === 'deploy').map(({ subject }) => subject)
  return [...new Set([suspectDeploy, ...others])].filter((id) => id !== '')
}

/** Deploys around it, and its own beginning. */
export function incidentHappenings({ deploys, incident }: IncidentDetail): readonly Happening[] {
  const opened: Happening = {
    id: 'opened',
    at: incident.openedAt,
    label: 'opened',
    sign: '◆',
    href: '#timeline',
    title: `Incident opened, ${absolute(incident.openedAt)}`,
  }
  return [...deployHappenings(deploys, suspectsOf(incident)), opened]
}
