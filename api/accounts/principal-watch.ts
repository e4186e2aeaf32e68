import type { Clock } from '#/kernel/clock.ts'
import type { Principal } from '#/schemas/principal.ts'

/**
 * How open connections hear that the one they were opened for is no longer who it was: signed out, disabled, with
 * another role or other projects, its key revoked. It follows `config.v1`, so it does not matter which process of the
 * platform made the change; from the change to the call it takes as long as the log needs to show a record (on this
 * machine milliseconds), and a second more where a session ends by its age.
 *
 * For a WebSocket or a stream:
 *
 *     const stop = accounts.watch(principal, (now) => {
 *       if (now === null) socket.close(4401)          // gone: nothing may be sent or taken any more
 *       else room.setRole(socket, now.role)           // less or more than before; projects may have changed too
 *     })
 *     socket.on('close', stop)
 *
 * `principal` may be undefined, for a connection that was opened where reads are open: it is told null once they are
 * not. Watch before the first answer leaves, and ask `accounts.refreshed(principal)` if anything was awaited between
 * the ticket and the watch. Deciding about each command anew with what the last call said is enough: there is no need
 * to ask again for each of them.
 */
export interface PrincipalWatch {
  /** The function that is returned ends it, and may be called more than once. */
  watch: (principal: Principal | undefined, onChange: (now: Principal | null) => void) => () => void
  /** The same one as it is now; null when it may nothing any more. */
  refreshed(principal: Principal): Principal | null
}

export interface PrincipalWatchers extends PrincipalWatch {
  /** Looks at those again that something was written about. */
  touch(things: readonly string[]): void
  close(): void
}

interface Watcher {
  last: Principal | undefined
  onChange: (now: Principal | null) => void
}

/** Sessions end by their age, which nothing is written about. */
const LOOK_MS = 1_000

export function createPrincipalWatch(options: {
  clock: Clock
  refreshed(principal: Principal): Principal | null
  isOpen(): boolean
  onProblem?: ((error: unknown) => void) | undefined
}): PrincipalWatchers {
  const watchers = new Set<Watcher>()
  const stop = new AbortController()
  let isLooking = false
  const look = (watcher: Watcher): void => {
    const { last } = watcher
    const now = last === undefined ? null : options.refreshed(last)
    const isAsBefore = last === undefined ? options.isOpen() : now !== null && isSame(now, last)
    if (isAsBefore) return
    if (now === null) watchers.delete(watcher)
    else watcher.last = now
    try {
      watcher.onChange(now)
    } catch (error) {
      // One connection that cannot be told must not keep the others from being told.
      options.onProblem?.(error)
    }
  }
  const isTouched = ({ last }: Watcher, things: readonly string[]): boolean =>
    last === undefined ||
    things.includes(last.id) ||
    (last.sessionId !== undefined && things.includes(`session:${last.sessionId}`))
  const lookOn = async (): Promise<void> => {
    isLooking = true
    while (watchers.size > 0 && !stop.signal.aborted) {
      await options.clock.sleep(LOOK_MS, stop.signal)
      for (const watcher of watchers) look(watcher)
    }
    isLooking = false
  }
  return {
    refreshed: (principal) => options.refreshed(principal),
    watch(principal, onChange) {
      const watcher: Watcher = { last: principal, onChange }
      watchers.add(watcher)
      if (!isLooking) void lookOn()
      return () => void watchers.delete(watcher)
    },
    touch(things) {
      for (const watcher of watchers) if (isTouched(watcher, things)) look(watcher)
    },
    close: () => stop.abort(),
  }
}

function isSame(one: Principal, other: Principal): boolean {
  if (one.role !== other.role || one.name !== other.name) return false
  if (one.projects === 'all' || other.projects === 'all') return one.projects === other.projects
  const theirs = other.projects
  return (
    one.projects.length === theirs.length && one.projects.every((name) => theirs.includes(name))
  )
}
