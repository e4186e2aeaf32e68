import { askAgain } from '#lib/api/path.ts'
import type { RoomEvent } from '#lib/contract.ts'

/** Reads the events of a room from the first one on; null when they cannot be read. */
export type HistoryReader = () => Promise<readonly RoomEvent[] | null>

export function historyOf(incidentId: string): HistoryReader {
  return async () => {
    const path = `/api/incidents/${encodeURIComponent(incidentId)}/room/events`
    const page = await askAgain<{ items: readonly RoomEvent[] }>(path)
    return page?.items ?? null
  }
}
