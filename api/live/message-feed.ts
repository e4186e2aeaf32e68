import type { Metrics } from '#/kernel/metrics.ts'
import type { LiveClient } from './live-client.ts'
import { sse } from './sink.ts'

/** One message as JSON, encoded once per transport. */
export interface Message {
  type: 'event' | 'incident' | 'metric' | 'skipped'
  json: string
  /** Log position behind it; messages that are not of the log have none. */
  id?: string
}

export interface MessageClient {
  client: LiveClient
  transport: 'sse' | 'websocket'
  /** Services to hear of; null for all. */
  channels: ReadonlySet<string> | null
}

export interface MessageFeed {
  join(member: MessageClient): void
  leave(member: MessageClient): void
  members(): ReadonlySet<MessageClient>
  /** Whether anybody would hear of this service. */
  wants(project: string, service: string): boolean
  /** To everyone of the project who listens to one of the services; null is for everyone. */
  send(project: string, services: readonly string[] | null, message: Message): void
}

export function encodeMessage(message: Message, transport: MessageClient['transport']): Buffer {
  if (transport === 'websocket') return Buffer.from(message.json, 'utf8')
  const id = message.id === undefined ? {} : { id: message.id }
  return sse({ ...id, data: message.json })
}

export function hears(member: MessageClient, services: readonly string[] | null): boolean {
  const { channels } = member
  if (channels === null || services === null) return true
  return services.some((service) => channels.has(service))
}

export function createMessageFeed(metrics: Metrics): MessageFeed {
  const members = new Set<MessageClient>()
  return {
    join: (member) => void members.add(member),
    leave: (member) => void members.delete(member),
    members: () => members,
    wants(project, service) {
      for (const { client, channels } of members)
        if (client.project === project && (channels === null || channels.has(service))) return true
      return false
    },
    send(project, services, message) {
      const encoded: Partial<Record<MessageClient['transport'], Buffer>> = {}
      let count = 0
      for (const member of members) {
        if (member.client.project !== project || !hears(member, services)) continue
        const text = (encoded[member.transport] ??= encodeMessage(message, member.transport))
        member.client.send(text)
        count += 1
      }
      if (count > 0) metrics.add('faultline_stream_messages_total', count, { type: message.type })
    },
  }
}
