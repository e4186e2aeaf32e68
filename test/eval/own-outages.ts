/** Outages of the scenarios that `faultline load` plays, through the whole offline chain. */
import { SCENARIOS } from '#/cli/scenario/plans.ts'
import type { Plan, TruthIncident } from '#/cli/scenario/plan.ts'
import { createTraffic } from '#/cli/scenario/traffic.ts'
import { shopTopology } from '#/cli/scenario/world.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createOfflinePipeline } from '#/processors/domain/pipeline.ts'
import { detectorEventOf } from '#/processors/stages/detector-event.ts'
import { groupInputOf, isGrouped } from '#/processors/domain/grouping/group-input.ts'
import { canonicalize } from '#/schemas/event-input.ts'
import type { Incident } from '#/schemas/incident.ts'

/** Scenarios with something to find. */
export const OUTAGES = [
  'bad-deploy',
  'cascade',
  'third-party',
  'zone',
  'signups-stop',
  'flapping',
  'tenant',
] as const

const ORIGIN_MS = Date.UTC(2026, 0, 5, 9)
const SPAN = { durationS: 4200, fromS: 3600, toS: 4080 }
const STEP_S = 2
const EVENTS_PER_SECOND = 4
const ERRORS_PER_SECOND = 3

interface Played {
  truth: readonly TruthIncident[]
  incidents: readonly Incident[]
}

/** An hour of ordinary traffic, eight minutes of the scenario, two minutes after it. */
export function playScenario(name: string, seed: number): Played {
  const plan = SCENARIOS[name]?.make(SPAN, ERRORS_PER_SECOND)
  if (plan === undefined) throw new RangeError(`no scenario ${name}`)
  return playPlan(plan, { seed, rate: EVENTS_PER_SECOND, durationS: SPAN.durationS })
}

/** What becomes of a plan, from its second 0 to `durationS`. */
export function playPlan(
  plan: Plan,
  { seed, rate, durationS }: { seed: number; rate: number; durationS: number },
): Played {
  const random = createSeededRandom(seed)
  const traffic = createTraffic({ plan, random, rate, originMs: ORIGIN_MS })
  const pipeline = createOfflinePipeline({
    project: 'eval',
    reading: { isGrouped, groupInputOf, detectorEventOf },
    topology: shopTopology(),
  })
  let made = 0
  // In short spans: a deploy changes the release of what is made after it.
  const spans = Array.from({ length: durationS / STEP_S }, (_, index) => index * STEP_S)
  for (const { atS, body } of spans.flatMap((fromS) => traffic.between(fromS, fromS + STEP_S))) {
    const arrivedMs = Math.round(ORIGIN_MS + atS * 1000 + random.exponential(300))
    const read = canonicalize(body, {
      project: 'eval',
      nowMs: Math.max(arrivedMs, pipeline.nowMs),
      makeId: () => `made-${(made += 1)}`,
    })
    if (!read.ok) throw new Error(read.message)
    pipeline.push(read.event)
  }
  pipeline.finish()
  const incidents = pipeline.clusterer.memberships().map(({ incident }) => incident)
  return { truth: plan.truth, incidents }
}

export interface OutageFigures {
  detected: number
  incidentsPerOutage: number
  detectMin: number
  rootFirst: number
  deployNamed: number
  others: number
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** What became of every outage of these scenarios: an incident is an outage's when it opened during it and shares a service. */
export function outageFigures(names: readonly string[], seed: number): OutageFigures {
  const perOutage: { found: readonly Incident[]; truth: TruthIncident }[] = []
  let others = 0
  for (const name of names) {
    const { truth, incidents } = playScenario(name, seed)
    const left = new Set(incidents)
    for (const outage of truth) {
      const found = incidents.filter((incident) => isOf(incident, outage))
      for (const incident of found) left.delete(incident)
      perOutage.push({ found, truth: outage })
    }
    others += left.size
  }
  const detected = perOutage.filter(({ found }) => found.length > 0)
  const deploys = detected.filter(({ truth }) => truth.deploy !== null)
  return {
    detected: detected.length / perOutage.length,
    incidentsPerOutage: mean(detected.map(({ found }) => found.length)),
    detectMin: mean(detected.map(({ found, truth }) => firstOf(found) - truth.startS / 60)),
    rootFirst: mean(detected.map(({ found, truth }) => (found[0]?.root === truth.root ? 1 : 0))),
    deployNamed: mean(
      deploys.map(({ found, truth }) => (found[0]?.suspectDeploy === truth.deploy ? 1 : 0)),
    ),
    others: others / names.length,
  }
}

export function isOf(incident: Incident, outage: TruthIncident): boolean {
  const atS = (incident.openedAt - ORIGIN_MS) / 1000
  const isDuring = atS >= outage.startS && atS <= outage.endS + 60
  return isDuring && incident.services.some((service) => outage.services.includes(service))
}

/** Minutes from the beginning of the play to the first of these incidents. */
function firstOf(found: readonly Incident[]): number {
  return (Math.min(...found.map(({ openedAt }) => openedAt)) - ORIGIN_MS) / 60_000
}
