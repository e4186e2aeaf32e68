import type { Clock } from '#/kernel/clock.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import type { IncidentMessage } from '#/schemas/view.ts'
import type { EventPrefix } from './event-prefix.ts'
import { createFrameFeeds } from './frame-feeds.ts'
import type { FrameFeeds } from './frame-feeds.ts'
import type { IncidentNewsStore } from './incident-news.ts'
import type { LiveClient } from './live-client.ts'
import type { LiveRecords } from './live-records.ts'
import { createMessageFeed } from './message-feed.ts'
import type { Message, MessageFeed } from './message-feed.ts'
import { eventMessage, incidentMessage } from './messages.ts'
import type { IncidentNews } from './messages.ts'
import { encodePositions } from './positions.ts'
import type { Positions, Source } from './positions.ts'
import { createSecondCounter } from './second-counter.ts'
import type { TailOptions } from './tail.ts'

export interface DispatchOptions {
  clock: Clock
  metrics: Metrics
  records: LiveRecords
  news: IncidentNewsStore
  sources: readonly Source[]
  /** Moved with every record, before anyone is told of it. */
  positions: number[]
  onProblem?: ((error: unknown) => void) | undefined
}

/** Brings each record of the log to the frames and messages it belongs to. */
export interface Dispatch {
  tail: Pick<TailOptions, 'onRecords' | 'onGap' | 'onProblem'>
  messages: MessageFeed
  frames: FrameFeeds
  /** Once a second: metric messages, and a fresh allowance of event messages. */
  finishSecond(): void
  replayed: Replayed
  clients(): Iterable<LiveClient>
  sseClients(): Iterable<LiveClient>
}

/** Records read again for one client. */
interface Replayed {
  /** The message of one record for catching up; undefined when it has none. */
  messageOf(
    source: number,
    record: ConsumedRecord,
    behind: Positions,
  ): Promise<Addressed | undefined>
  /** Adds one record to a frame that is collected for a client that catches up. */
  addTo(feed: CatchUpFrame, source: number, record: ConsumedRecord): Promise<void>
}

interface CatchUpFrame {
  project: string
  add(prefix: EventPrefix, record: Buffer): void
  addIncident(row: IncidentNews['row']): void
}

interface Addressed {
  project: string
  services: readonly string[]
  message: Message
}

export function createDispatch(options: DispatchOptions): Dispatch {
  const { records, sources, positions } = options
  const messages = createMessageFeed(options.metrics)
  const second = createSecondCounter(options.clock, messages)
  const seq = (): string => encodePositions(positions)
  const feeds = createFrameFeeds({ ...options, seq, views: records.views })

  const takeEvent = (source: number, record: ConsumedRecord): void => {
    positions[source] = record.offset + 1
    const value = records.contentOf(record.value)
    if (value === undefined) return
    const prefix = records.prefix(value)
    const { project, service } = prefix
    feeds.get(project)?.add(prefix, value)
    if (!messages.wants(project, service)) return
    second.count(prefix)
    if (!second.allow(project)) return
    messages.send(project, [service], eventOf(records, value, seq()).message)
  }
  /** The position moves with the message, not before: a client cut in between must get it again. */
  const takeNews = async (source: number, record: ConsumedRecord): Promise<void> => {
    const kind = sources[source]?.kind
    const value = records.contentOf(record.value)
    const found =
      value === undefined || kind === undefined || kind === 'event'
        ? undefined
        : await aboutIncident(options, kind, value)
    positions[source] = record.offset + 1
    if (found === undefined) return
    const { project, services, message } = incidentOf(found, seq())
    if (kind === 'incident') feeds.get(project)?.addIncident(found.news.row)
    messages.send(project, services, message)
  }

  return {
    messages,
    tail: {
      async onRecords(source, batch) {
        await prepare(options, source, batch)
        const isEvent = sources[source]?.kind === 'event'
        for (const record of batch) {
          try {
            if (isEvent) takeEvent(source, record)
            else await takeNews(source, record)
          } catch (error) {
            options.onProblem?.(error)
          }
        }
      },
      onGap(source, from) {
        positions[source] = from
        for (const client of feeds.clients()) client.resync()
        for (const { client } of messages.members()) client.resync()
      },
      onProblem: options.onProblem,
    },
    frames: feeds,
    finishSecond: () => second.finish(),
    replayed: createReplayed(options),
    *clients() {
      yield* feeds.clients()
      for (const { client } of messages.members()) yield client
    },
    *sseClients() {
      yield* feeds.clients()
      for (const { client, transport } of messages.members()) if (transport === 'sse') yield client
    },
  }
}

function createReplayed(options: DispatchOptions): Replayed {
  const { records, sources } = options
  return {
    async messageOf(source, record, behind) {
      const value = records.contentOf(record.value)
      if (value === undefined) return undefined
      await prepare(options, source, [record])
      const id = encodePositions(behind)
      const { kind } = sources[source] as Source
      if (kind === 'event') return eventOf(records, value, id)
      const found = await aboutIncident(options, kind, value)
      return found === undefined ? undefined : incidentOf(found, id)
    },
    async addTo(frame, source, record) {
      const value = records.contentOf(record.value)
      if (value === undefined) return
      await prepare(options, source, [record])
      const { kind } = sources[source] as Source
      if (kind === 'event') {
        const prefix = records.prefix(value)
        if (prefix.project === frame.project) frame.add(prefix, value)
      } else if (kind === 'incident') {
        const found = await aboutIncident(options, kind, value)
        if (found?.news.row.project === frame.project) frame.addIncident(found.news.row)
      }
    },
  }
}

function prepare(
  { records, sources }: DispatchOptions,
  source: number,
  batch: readonly ConsumedRecord[],
): Promise<void> | undefined {
  const values = batch.map(({ value }) => value)
  const kind = sources[source]?.kind
  if (kind === 'event') return records.prepareEvents(values)
  const reader = kind === 'incident' ? records.incidents : records.insights
  const contents = values.map((value) => records.contentOf(value))
  return reader.prepare(contents.filter((value) => value !== undefined))
}

interface AboutIncident {
  action: IncidentMessage['action']
  news: IncidentNews
  at: number
}

async function aboutIncident(
  { records, news }: DispatchOptions,
  kind: 'incident' | 'insight',
  value: Buffer,
): Promise<AboutIncident | undefined> {
  if (kind === 'incident') {
    const step = records.incidents.read(value)
    const action = step.seq === 1 ? 'created' : 'updated'
    return { action, news: await news.step(step), at: step.at }
  }
  const insight = records.insights.read(value)
  const known = await news.insight(insight)
  return known === undefined
    ? undefined
    : { action: 'summary_updated', news: known, at: insight.at }
}

function eventOf(records: LiveRecords, value: Buffer, id: string): Addressed {
  const event = records.events.read(value)
  const json = JSON.stringify(eventMessage(event))
  return { project: event.project, services: [event.service], message: { type: 'event', json, id } }
}

function incidentOf({ action, news, at }: AboutIncident, id: string): Addressed {
  const json = JSON.stringify(incidentMessage(action, news, at))
  const { project, services } = news.row
  return { project, services, message: { type: 'incident', json, id } }
}
