import type { Clock } from '#/kernel/clock.ts'

/** Readers that wait on one partition. The owner of the records calls `wake` after it made some visible. */
export interface WaitList {
  readonly waiting: Waiter[]
}

interface Waiter {
  deadlineMs: number
  /** Resolves the wait: true when there may be something new. */
  finish: (woken: boolean) => void
}

interface WaitOptions {
  waitMs: number
  signal: AbortSignal | undefined
}

export interface Waiters {
  /** Resolves to true when woken, to false when the time is over, the signal aborts or the log closes. */
  wait(list: WaitList, options: WaitOptions): Promise<boolean>
  wake(list: WaitList): void
  close(): void
}

export function createWaitList(): WaitList {
  return { waiting: [] }
}

/**
 * One sleeping timer serves all readers of a log: the one for the earliest deadline. A timer per read would cost
 * more than the read.
 */
export function createWaiters(clock: Clock): Waiters {
  const lists = new Set<WaitList>()
  const closing = new AbortController()
  let armedMs = Infinity

  const expire = (deadlineMs: number): void => {
    if (armedMs === deadlineMs) armedMs = Infinity
    if (closing.signal.aborted) return
    const nowMs = clock.monotonicMs()
    let earliestMs = Infinity
    for (const list of lists) {
      for (const waiter of list.waiting.filter((one) => one.deadlineMs <= nowMs))
        waiter.finish(false)
      for (const waiter of list.waiting) earliestMs = Math.min(earliestMs, waiter.deadlineMs)
    }
    arm(earliestMs)
  }

  const arm = (deadlineMs: number): void => {
    if (deadlineMs >= armedMs || deadlineMs === Infinity) return
    armedMs = deadlineMs
    const durationMs = Math.max(0, Math.ceil(deadlineMs - clock.monotonicMs()))
    void clock.sleep(durationMs, closing.signal).then(() => expire(deadlineMs))
  }

  return {
    wait: (list, { waitMs, signal }) =>
      new Promise((resolve) => {
        if (signal?.aborted === true || closing.signal.aborted) {
          resolve(false)
          return
        }
        const waiter: Waiter = {
          deadlineMs: clock.monotonicMs() + waitMs,
          finish: (woken) => {
            list.waiting.splice(list.waiting.indexOf(waiter), 1)
            if (list.waiting.length === 0) lists.delete(list)
            signal?.removeEventListener('abort', abort)
            resolve(woken)
          },
        }
        const abort = (): void => waiter.finish(false)
        signal?.addEventListener('abort', abort, { once: true })
        list.waiting.push(waiter)
        lists.add(list)
        arm(waiter.deadlineMs)
      }),
    wake: (list) => {
      while (list.waiting.length > 0) list.waiting.at(-1)!.finish(true)
    },
    close: () => {
      closing.abort()
      for (const list of lists) {
        while (list.waiting.length > 0) list.waiting.at(-1)!.finish(false)
      }
    },
  }
}
