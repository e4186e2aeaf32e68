import type { EventView } from '#lib/contract.ts'
import { milliseconds } from '#lib/format.ts'

/** What a row says: the message, or the request in its place, or at least what kind of event it is. */
export function eventText(event: EventView): string {
  if (event.message !== '') return event.message
  const request = [event.method, event.route].filter((part) => part !== '').join(' ')
  const parts = [
    request,
    event.status_code > 0 ? String(event.status_code) : '',
    event.duration_ms === null ? '' : `in ${milliseconds(event.duration_ms)}`,
  ].filter((part) => part !== '')
  return parts.length === 0 ? `(${event.event_type})` : parts.join(' ')
}
