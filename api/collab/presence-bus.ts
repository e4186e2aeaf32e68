import type { Clock } from '#/kernel/clock.ts'
import type { Log } from '#/processors/log/port.ts'
import { PLAIN_ACTION } from '#/schemas/action.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { batchOf, createActionReader } from './action-log.ts'
import type { SchemaSource } from './action-log.ts'
import type { RemotePeople } from './presence.ts'

export interface PresenceNews extends RemotePeople {
  gateway: string
  incidentId: string
}

/** Carries presence from gateway to gateway. What it carries is worth seconds: it may be lost, and is never read back. */
export interface PresenceBus {
  tell(news: PresenceNews): void
  listen(listener: (news: PresenceNews) => void): void
  close(): Promise<void>
}

/** For the only gateway there is. */
export function createNoBus(): PresenceBus {
  return { tell: () => undefined, listen: () => undefined, close: async () => undefined }
}

const WAIT_MS = 1_000
const RETRY_MS = 500
/** News that wait to be written; past it the oldest goes, the next heartbeat says it again. */
const WAITING_MAX = 1_000

/** Over a topic of the log that keeps the last word of each gateway about each room. */
export async function openLogBus(
  deps: SchemaSource & {
    log: Log
    clock: Clock
    onProblem?: ((error: unknown) => void) | undefined
  },
): Promise<PresenceBus> {
  const { log, clock } = deps
  const tp = { topic: TOPICS.presence.name, partition: 0 }
  const read = createActionReader(deps, deps.onProblem)
  const stop = new AbortController()
  const listeners: ((news: PresenceNews) => void)[] = []
  const waiting = new Map<string, PresenceNews>()
  let writing: Promise<void> | undefined

  let next = await log.endOffset(tp)
  const follow = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        const options = { bytesMax: 1 << 20, waitMs: WAIT_MS, signal: stop.signal }
        const records = await log.read(tp, next, options)
        next = (records.at(-1)?.offset ?? next - 1) + 1
        for (const { action } of await read(records)) {
          const news = { ...(JSON.parse(action.payload) as PresenceNews), at: clock.nowMs() }
          for (const listener of listeners) listener(news)
        }
      } catch (error) {
        if (stop.signal.aborted) return
        deps.onProblem?.(error)
        await clock.sleep(RETRY_MS, stop.signal)
        next = await log.endOffset(tp).catch(() => next)
      }
    }
  }
  const write = async (): Promise<void> => {
    while (waiting.size > 0 && !stop.signal.aborted) {
      const actions = [...waiting.values()].map((news) => ({
        ...PLAIN_ACTION,
        project: '',
        incident_id: `${news.gateway}/${news.incidentId}`,
        seq: 0,
        command_id: '',
        kind: 'presence',
        actor: news.gateway,
        at: news.at,
        payload: JSON.stringify(news),
      }))
      waiting.clear()
      await log.append([batchOf(tp, actions, deps.schemaIds.Action)]).catch(deps.onProblem)
    }
  }
  const following = follow()
  return {
    tell(news) {
      waiting.set(`${news.gateway}/${news.incidentId}`, news)
      const oldest = waiting.keys().next()
      if (waiting.size > WAITING_MAX && oldest.done === false) waiting.delete(oldest.value)
      // What comes while a write is on its way goes with the next one: that is the coalescing.
      writing ??= write().finally(() => (writing = undefined))
    },
    listen: (listener) => void listeners.push(listener),
    async close() {
      stop.abort()
      await Promise.all([following, writing])
    },
  }
}
