import type { DeployView } from '#lib/contract.ts'
import { absolute } from '#lib/time/format.ts'
import type { Happening } from '#lib/chart/axis.ts'

/** Deploys as markers of a chart. */
export function deployHappenings(deploys: readonly DeployView[]): readonly Happening[] {
  return deploys.map((deploy) => ({
    id: deploy.deploy_id,
    at: deploy.at,
    label: `${deploy.service} ${deploy.release}`,
    href: `/deploys?service=${encodeURIComponent(deploy.service)}`,
    title: `${deploy.service} ${deploy.release}, ${absolute(deploy.at)}. ${deploy.message}`.trim(),
  }))
}
