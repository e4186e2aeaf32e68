import type { DeployFacts, DetectorEvent } from './types.ts'

/** After a deploy its release is suspected more easily for this long. */
export const SUSPECT_MS = 30 * 60_000
/** Alerts within this time of a deploy are compared with what was before it. */
export const COMPARE_MS = 60 * 60_000

/** The latest deploy of a service. Plain data. */
export interface LatestDeploy extends DeployFacts {
  atMs: number
}

/** What a deploy event says; the release of the deploy before it is the previous one. */
export function deployOf(
  event: DetectorEvent,
  atMs: number,
  before: LatestDeploy | undefined,
): LatestDeploy {
  const id = event.attributes?.['deploy_id']
  const previous = before?.release
  return {
    atMs,
    deployId: id === undefined ? event.eventId : String(id),
    release: event.release ?? '',
    ...(previous === undefined || previous === event.release ? {} : { previousRelease: previous }),
  }
}

/** Whether events of these releases at that time fall under the suspicion of a deploy. */
export function isSuspect(
  deploy: LatestDeploy | undefined,
  atMs: number,
  releases: readonly string[],
): boolean {
  if (deploy === undefined || atMs < deploy.atMs || atMs - deploy.atMs > SUSPECT_MS) return false
  return deploy.release === '' || releases.includes(deploy.release)
}
