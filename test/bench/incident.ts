import { affinityOf } from '#/processors/domain/incident/affinity.ts'
import { toAlert } from '#/processors/domain/incident/alert.ts'
import { createClusterer } from '#/processors/domain/incident/clusterer.ts'
import type { Clusterer } from '#/processors/domain/incident/clusterer.ts'
import { alert, HOUR, MINUTE, SECOND, T0 } from '#/processors/domain/incident/detection-fixture.ts'
import { createMemberIndex } from '#/processors/domain/incident/member-index.ts'
import { createServiceGraph } from '#/processors/domain/incident/service-graph.ts'
import type { TopologyService } from '#/processors/domain/incident/service-graph.ts'
import type { Detection } from '#/processors/domain/spike/types.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Random } from '#/kernel/random.ts'

const SERVICES = 600
const OPEN = 500
const ALERTS = 3000
const ROUNDS = 5

/** A system in four layers in which everything calls one to four services of the next layer. */
function topologyOf(random: Random): TopologyService[] {
  const layer = SERVICES / 4
  return Array.from({ length: SERVICES }, (_, at) => {
    const next = (Math.floor(at / layer) + 1) * layer
    const calls = Array.from(
      { length: 1 + random.int(4) },
      () => `service-${next + random.int(layer)}`,
    )
    return {
      name: `service-${at}`,
      criticality: 1 + random.int(4),
      zone: `z${random.int(3)}`,
      calls: next < SERVICES ? [...new Set(calls)] : [],
    }
  })
}

function alertAt(random: Random, service: number, at: number): Detection {
  const isCall = random.unit() < 0.6
  return alert({
    service: `service-${service}`,
    fingerprint: `issue-${random.int(1_000_000)}`,
    at,
    errorType: isCall ? 'TimeoutError' : 'TypeError',
    message: isCall ? `upstream service-${random.int(SERVICES)} timed out` : 'cannot load cart 4',
    users: [random.int(1000), 1000 + random.int(1000)],
  })
}

/** One incident in each of the first services, none related: what is measured is the search among them. */
function withOpenIncidents(topology: readonly TopologyService[]): Clusterer {
  const clusterer = createClusterer({ project: 'bench', topology, policy: { quietMs: 24 * HOUR } })
  clusterer.advance(T0 - 6 * HOUR)
  for (let at = 0; at < OPEN; at += 1)
    clusterer.apply(
      alert({ service: `service-${at}`, fingerprint: `first-${at}`, at: at * 3 * MINUTE }),
    )
  return clusterer
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0
}

function alertsOf(random: Random): Detection[] {
  return Array.from({ length: ALERTS }, (_, at) =>
    alertAt(random, random.int(SERVICES), OPEN * 3 * MINUTE + at * 20 * SECOND),
  )
}

/** Microseconds of CPU an item takes; time of this process only, whatever else the machine does. */
function microsEach(count: number, work: () => void): number {
  const before = process.cpuUsage()
  work()
  return process.cpuUsage(before).user / count
}

/** Reading an alert, finding what it could belong to, and how strongly: the search alone. */
function searchMicros(topology: readonly TopologyService[], random: Random): number {
  const graph = createServiceGraph(topology)
  const index = createMemberIndex()
  for (const incident of withOpenIncidents(topology).snapshot().open)
    for (const member of incident.members) index.add({ incident, member })
  let sum = 0
  const alerts = alertsOf(random)
  const micros = microsEach(ALERTS, () => {
    for (const detection of alerts) {
      const found = toAlert(detection, graph)
      for (const { member } of index.candidates(found, graph))
        sum += affinityOf(found, member.alert, {
          graph,
          memberLastAtMs: member.lastAtMs,
          flappingRejoinMs: 0,
        }).value
    }
  })
  return Number.isFinite(sum) ? micros : Number.NaN
}

/** Cost of an alert while 500 incidents are open; the spec allows 20 µs for finding its incident. */
export async function run(print: (line: string) => void): Promise<void> {
  const topology = topologyOf(createSeededRandom(1))
  const search: number[] = []
  const whole: number[] = []
  let open = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    search.push(searchMicros(topology, createSeededRandom(50 + round)))
    const clusterer = withOpenIncidents(topology)
    open = clusterer.openIncidents().length
    const alerts = alertsOf(createSeededRandom(100 + round))
    whole.push(
      microsEach(ALERTS, () => {
        for (const each of alerts) clusterer.apply(each)
      }),
    )
  }
  print(
    `incident: ${open} open, finding an alert's incident ${median(search).toFixed(1)} µs CPU (20)`,
  )
  print(
    `incident: ${open} open, alert with causes, severity, record ${median(whole).toFixed(1)} µs CPU`,
  )
  await Promise.resolve()
}
