import type { Clock } from '#/kernel/clock.ts'
import type { MetricMessage } from '#/schemas/view.ts'
import type { EventPrefix } from './event-prefix.ts'
import type { Message, MessageFeed } from './message-feed.ts'

/** Event messages a second over all channels; past it a `skipped` message says how many were left out. */
export const EVENT_MESSAGES_PER_SECOND = 2_000
/** Services counted per project; further ones still have their event messages. */
const SERVICES_MAX = 1_000

/** What is told once a second, and how much may be told in one. */
export interface SecondCounter {
  count(prefix: EventPrefix): void
  /** Whether one more event message may be sent in this second; notes it when not. */
  allow(project: string): boolean
  /** The second is over: tells its numbers and begins the next. */
  finish(): void
}

export function createSecondCounter(clock: Clock, messages: MessageFeed): SecondCounter {
  const counted = new Map<string, Map<string, { events: number; errors: number }>>()
  const skipped = new Map<string, number>()
  let allowance = EVENT_MESSAGES_PER_SECOND
  return {
    count({ project, service, severity }) {
      let services = counted.get(project)
      if (services === undefined) counted.set(project, (services = new Map<string, never>()))
      let totals = services.get(service)
      if (totals === undefined) {
        if (services.size >= SERVICES_MAX) return
        services.set(service, (totals = { events: 0, errors: 0 }))
      }
      totals.events += 1
      if (severity >= 4) totals.errors += 1
    },
    allow(project) {
      if (allowance > 0) {
        allowance -= 1
        return true
      }
      skipped.set(project, (skipped.get(project) ?? 0) + 1)
      return false
    },
    finish() {
      allowance = EVENT_MESSAGES_PER_SECOND
      const at = clock.nowMs()
      for (const [project, services] of counted)
        for (const [service, totals] of services)
          messages.send(project, [service], metricOf(at, { service, ...totals }))
      for (const [project, events] of skipped) {
        const json = JSON.stringify({ type: 'skipped', data: { events } })
        messages.send(project, null, { type: 'skipped', json })
      }
      counted.clear()
      skipped.clear()
    },
  }
}

function metricOf(at: number, totals: Omit<MetricMessage['data'], 'at'>): Message {
  const { events, errors, service } = totals
  const timestamp = new Date(at).toISOString()
  const metric: MetricMessage = { type: 'metric', data: { at, events, errors, service }, timestamp }
  return { type: 'metric', json: JSON.stringify(metric) }
}
