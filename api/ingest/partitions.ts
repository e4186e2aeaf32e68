import { partitionOf } from '#/processors/log/partitioner.ts'
import { telemetryKey } from '#/schemas/topics.ts'

export interface KeyPlace {
  key: Buffer
  partition: number
}

/** Services remembered over all projects; hostile names only cost their own hashing. */
const PLACES_MAX = 10_000

/** Where the events of a service go. The hash is Kafka's own, which is dear enough to be remembered. */
export function createKeyPlaces(
  partitionCount: number,
): (project: string, service: string) => KeyPlace {
  const byProject = new Map<string, Map<string, KeyPlace>>()
  let count = 0
  return (project, service) => {
    let places = byProject.get(project)
    if (places === undefined) byProject.set(project, (places = new Map<string, KeyPlace>()))
    let place = places.get(service)
    if (place !== undefined) return place
    const key = Buffer.from(telemetryKey(project, service), 'utf8')
    place = { key, partition: partitionOf(key, partitionCount) }
    if (count >= PLACES_MAX) {
      byProject.clear()
      count = 0
      return place
    }
    count += 1
    places.set(service, place)
    return place
  }
}
