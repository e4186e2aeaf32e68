import type { RoomEvent } from '#lib/contract.ts'

/** How many incidents this browser remembers; the one looked at longest ago is forgotten first. */
const REMEMBERED_MAX = 200
const NAME = 'faultline.looked'

/** The last change of each incident that was on this screen: `[incident, seq]`, the latest look last. */
export type Looks = readonly (readonly [incident: string, seq: number])[]

export function looksFrom(text: string | null): Looks {
  try {
    const stored: unknown = JSON.parse(text ?? '[]')
    if (!Array.isArray(stored)) return []
    return stored.filter(
      (one): one is [string, number] =>
        Array.isArray(one) && typeof one[0] === 'string' && Number.isInteger(one[1]),
    )
  } catch {
    // Whatever lies there was not ours.
    return []
  }
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

export function readLooks(): Looks {
  return looksFrom(localStorage.getItem(NAME))
}

export function rememberLook(incident: string, seq: number): void {
  try {
    localStorage.setItem(NAME, JSON.stringify(withLook(readLooks(), incident, seq)))
  } catch {
    // A full or forbidden store only means that nothing is remembered.
  }
}
