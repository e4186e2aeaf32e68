import { askAgain } from '#lib/api/path.ts'
import type { HistoryReader } from '#lib/canvas/moment.svelte.ts'
import type { RoomEvent } from '#lib/contract.ts'

export function historyOf(incidentId: string): HistoryReader {
  return async () => {
    const path = `/api/incidents/${encodeURIComponent(incidentId)}/room/events`
    const page = await askAgain<{ items: readonly RoomEvent[] }>(path)
    return page?.items ?? null
  }
}
