/** Causes and similar incidents on the outages of the generator beside the checkout, whose texts repeat nothing of ours. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createEventLedger } from '#/cli/backtest-members.ts'
import { incidentTokens, rankByBm25 } from '#/clickhouse/queries/bm25.ts'
import { factsOf } from '#/clickhouse/queries/similar.ts'
import { parseTopology } from '#/processors/domain/incident/service-graph.ts'
import { createOfflinePipeline } from '#/processors/domain/pipeline.ts'
import { detectorEventOf } from '#/processors/stages/detector-event.ts'
import { groupInputOf, isGrouped } from '#/processors/domain/grouping/group-input.ts'
import { canonicalize } from '#/schemas/event-input.ts'
import type { Incident } from '#/schemas/incident.ts'
import { SHARED, short, type Row } from './kit.ts'

/**
 * Long plays of few services, so that the same service is at fault more than once. How much the service at fault counts
 * was chosen on 401 to 403.
 */
const SEEDS = [301, 302, 303]
const SIZE = { services: 12, hours: 96 }

interface Fault {
  id: number
  root: string
  deploy: string | null
}

interface MadeEvent {
  id: number
  _inc: number
}

interface Made {
  events: readonly MadeEvent[]
  truth: readonly Fault[]
  services: readonly { ext: string | null }[]
}

interface Generator {
  generate(seed: number, size: typeof SIZE): Made
  envelope(event: MadeEvent): unknown
}

interface Found {
  fault: Fault
  incident: Incident
}

function play(made: Made, generator: Generator): Found[] {
  const services = made.services.map(({ ext, ...service }) =>
    ext === null ? service : { ...service, external: [ext] },
  )
  const pipeline = createOfflinePipeline({
    project: 'eval',
    reading: { isGrouped, groupInputOf, detectorEventOf },
    topology: parseTopology(services),
  })
  const ledger = createEventLedger()
  let latestMs = 0
  for (const each of made.events) {
    const read = canonicalize(generator.envelope(each), {
      project: 'eval',
      nowMs: latestMs,
      makeId: () => 'unused: every event has its id',
      trustReceivedAt: true,
    })
    if (!read.ok) throw new Error(read.message)
    const { event } = read
    latestMs = Math.max(latestMs, event.received_at)
    const pushed = pipeline.push(event)
    if (pushed === undefined) continue
    const { event_id: id, occurred_at: atMs, service, environment } = event
    ledger.add({ id, atMs, service, environment, fingerprint: pushed.fingerprint })
  }
  pipeline.finish()
  const faultOf = new Map(made.events.map(({ id, _inc }) => [`e${id}`, _inc]))
  const best = new Map<number, { events: number; incident: Incident }>()
  for (const membership of pipeline.clusterer.memberships()) {
    const counts = new Map<number, number>()
    for (const member of ledger.membersOf(membership)) {
      const fault = faultOf.get(member) ?? 0
      counts.set(fault, (counts.get(fault) ?? 0) + 1)
    }
    for (const [fault, events] of counts)
      if (events > (best.get(fault)?.events ?? 0))
        best.set(fault, { events, incident: membership.incident })
  }
  return made.truth.flatMap((fault) => {
    const incident = best.get(fault.id)?.incident
    return incident === undefined ? [] : [{ fault, incident }]
  })
}

function rankOfCause({ fault, incident }: Found): number {
  return incident.causes
    .toSorted((left, right) => right.weight - left.weight)
    .findIndex(({ subject }) => subject === fault.root || subject === fault.deploy)
}

/** Of incidents whose service was at fault before: whether one of those is among the first three. Undefined for the others. */
function findsEarlier({ fault, incident }: Found, all: readonly Found[]): boolean | undefined {
  const earlier = all.filter((other) => other.incident.openedAt < incident.openedAt)
  if (!earlier.some((other) => other.fault.root === fault.root)) return undefined
  const documents = earlier.map((item) => ({
    item,
    tokens: incidentTokens(factsOf(item.incident)),
  }))
  return rankByBm25(incidentTokens(factsOf(incident)), documents)
    .slice(0, 3)
    .some(({ item }) => item.fault.root === fault.root)
}

const share = (hits: readonly boolean[]): string =>
  `${short(hits.filter(Boolean).length / Math.max(1, hits.length))} of ${hits.length}`

export async function aiSharedRows(): Promise<Row[]> {
  const path = join(SHARED, 'tools/incidents/gen-outage.mjs')
  const generator = (await import(pathToFileURL(path).href)) as Generator
  const plays = SEEDS.map((seed) => play(generator.generate(seed, SIZE), generator))
  const ranks = plays.flat().map(rankOfCause)
  const within = (count: number): string => share(ranks.map((rank) => rank >= 0 && rank < count))
  const similar = plays.flatMap((found) => found.flatMap((one) => findsEarlier(one, found) ?? []))
  return [
    [`ai: generated outages, seeds ${SEEDS.join(' ')}: true cause first`, '–', '–', '–', within(1)],
    ['ai: generated outages: true cause among three', '–', '–', '–', within(3)],
    [
      'ai: generated outages: earlier one of that service among three',
      '–',
      '–',
      '.90',
      share(similar),
    ],
  ]
}
