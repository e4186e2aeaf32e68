import { systemClock } from '#/kernel/clock.ts'
import type { GroupMembership, Log } from '#/processors/log/port.ts'
import { FaultlineError } from '#/kernel/errors.ts'

/** A process that can die: from then on nothing it calls has an effect or answers with anything but a failure. */
export interface Mortal {
  wrap<T extends object>(thing: T): T
  wrapLog(log: Log): Log
  /** Calls until it dies by itself. */
  dieAfter(calls: number): void
  /** Each call takes so much longer. */
  slowDown(delayMs: number): void
  readonly isDead: boolean
  /** Dies now, if it has not; its groups notice, as they do when a session ends. */
  bury(): Promise<void>
}

export function createMortal(): Mortal {
  let left = Infinity
  let delayMs = 0
  let isDead = false
  const memberships: GroupMembership[] = []
  const check = (): void => {
    if (!isDead) return
    throw new FaultlineError('log_unavailable', 'this process is dead')
  }
  const count = (): void => {
    left -= 1
    if (left <= 0) isDead = true
  }
  const wrap = <T extends object>(thing: T, own: Partial<T> = {}): T =>
    new Proxy(thing, {
      get(target, name) {
        const value: unknown = own[name as keyof T] ?? target[name as keyof T]
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          check()
          const answer: unknown = value.apply(target, args)
          if (!(answer instanceof Promise)) return answer
          // It may die before the call took effect (above) or after it (here), before it hears of it.
          return answer.then(async (result: unknown) => {
            if (delayMs > 0) await systemClock.sleep(delayMs)
            count()
            check()
            return result
          })
        }
      },
    })
  return {
    wrap,
    wrapLog: (log) =>
      wrap(log, {
        async join(subscription) {
          const membership = await log.join(subscription)
          memberships.push(membership)
          return membership
        },
      }),
    dieAfter(limit) {
      left = limit
    },
    slowDown(ms) {
      delayMs = ms
    },
    get isDead() {
      return isDead
    },
    async bury() {
      isDead = true
      for (const membership of memberships) await membership.leave()
    },
  }
}
