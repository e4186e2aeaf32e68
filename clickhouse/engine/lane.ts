import { engineError } from './engine-error.ts'
import type { EngineSession } from './session.ts'

export interface LaneOptions {
  name: string
  sessions: readonly EngineSession[]
  /** Requests that may wait for a session; the next one is refused with TOO_MANY_SIMULTANEOUS_QUERIES. */
  waitingMax: number
}

/**
 * A fixed set of sessions and the queue before them. Work with the same key (inserts into one table)
 * runs one at a time and in order of arrival, so that a slow table holds up only itself.
 */
export interface Lane {
  readonly name: string
  readonly running: number
  readonly waiting: number
  /** Runs `work` on a free session. `signal` takes it out of the queue; once running it is not touched. */
  use<T>(
    options: { key?: string; signal: AbortSignal },
    work: (session: EngineSession) => Promise<T>,
  ): Promise<T>
  close(): void
}

interface Waiter {
  key: string | undefined
  start: (session: EngineSession) => void
}

export function createLane(options: LaneOptions): Lane {
  const free = [...options.sessions]
  const busyKeys = new Set<string>()
  const waiters: Waiter[] = []

  const dispatch = (): void => {
    for (let at = 0; at < waiters.length && free.length > 0;) {
      const waiter = waiters[at]
      const blocked = waiter?.key !== undefined && busyKeys.has(waiter.key)
      const session = waiter === undefined || blocked ? undefined : free.pop()
      if (waiter === undefined || session === undefined) {
        at += 1
        continue
      }
      waiters.splice(at, 1)
      if (waiter.key !== undefined) busyKeys.add(waiter.key)
      waiter.start(session)
    }
  }

  const acquire = (key: string | undefined, signal: AbortSignal): Promise<EngineSession> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = waiters.indexOf(waiter)
        if (at !== -1) waiters.splice(at, 1)
        reject(engineError('ABORTED', 'The client went away before the query started.'))
      }
      const waiter: Waiter = {
        key,
        start: (session) => {
          signal.removeEventListener('abort', leave)
          resolve(session)
        },
      }
      if (signal.aborted) return leave()
      if (waiters.length >= options.waitingMax) {
        const detail = `Too many queries wait for the ${options.name} sessions; maximum: ${options.waitingMax}.`
        return reject(engineError('TOO_MANY_SIMULTANEOUS_QUERIES', detail))
      }
      signal.addEventListener('abort', leave, { once: true })
      waiters.push(waiter)
      return dispatch()
    })

  return {
    name: options.name,
    get running() {
      return options.sessions.length - free.length
    },
    get waiting() {
      return waiters.length
    },
    async use({ key, signal }, work) {
      const session = await acquire(key, signal)
      try {
        return await work(session)
      } finally {
        free.push(session)
        if (key !== undefined) busyKeys.delete(key)
        dispatch()
      }
    },
    close() {
      for (const session of options.sessions) session.close()
    },
  }
}
