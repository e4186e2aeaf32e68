import type { DeployView } from '#lib/contract.ts'
import { absolute } from '#lib/time/format.ts'
import type { Happening } from '#lib/chart/axis.ts'

/** Deploys as markers of a chart; `suspects` are ids of those an incident is blamed on, the likeliest first. */
export function deployHappenings(
  deploys: readonly DeployView[],
  suspects: readonly string[] = [],
): readonly Happening[] {
  return deploys.map((deploy) => {
    const suspicion = suspects.indexOf(deploy.deploy_id)
    const name = `${deploy.service} ${deploy.release}`
    const doubt = suspicion < 0 ? '' : ', suspected'
    return {
      id: deploy.deploy_id,
      at: deploy.at,
      label: name,
      href: `/deploys?service=${encodeURIComponent(deploy.service)}`,
      title: `${name}, ${absolute(deploy.at)}${doubt}. ${deploy.message}`.trim(),
      ...(suspicion < 0 ? {} : { suspicion }),
    }
  })
}
