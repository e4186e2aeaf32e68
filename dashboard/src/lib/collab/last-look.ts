import type { RoomEvent } from '#lib/contract.ts'
import { readList, writeList } from '#lib/stored-list.ts'

/** How many incidents this browser remembers; the one looked at longest ago is forgotten first. */
const REMEMBERED_MAX = 200
const NAME = 'faultline-looked'

/** The last change of each incident that was on this screen: `[incident, seq]`, the latest look last. */
export type Looks = readonly (readonly [incident: string, seq: number])[]

export function isLook(one: unknown): one is Looks[number] {
  return Array.isArray(one) && typeof one[0] === 'string' && Number.isInteger(one[1])
}

export function withLook(looks: Looks, incident: string, seq: number): Looks {
  const others = looks.filter(([id]) => id !== incident)
  return [...others, [incident, seq] as const].slice(-REMEMBERED_MAX)
}

export const lookAt = (looks: Looks, incident: string): number | null =>
  looks.find(([id]) => id === incident)?.[1] ?? null

/** What others and the engine changed after `seq`, oldest first; nothing at the first visit. */
export function missedSince(
  events: readonly RoomEvent[],
  seq: number | null,
  myId: string | undefined,
): readonly RoomEvent[] {
  if (seq === null) return []
  return events.filter((event) => event.seq > seq && event.actor.id !== myId)
}

export const readLooks = (): Looks => readList(NAME, isLook)

export function rememberLook(incident: string, seq: number): void {
  writeList(NAME, withLook(readLooks(), incident, seq))
}
