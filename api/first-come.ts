import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Claim, ConfigTopic, ConfigTopicDeps } from './config-topic.ts'

/**
 * For what is numbered in config.v1 by several processes: the entry that lies first in the log holds its number, the
 * others look again. No lock is held, so nobody who dies holds up the rest.
 */

/** Others may come first this often; each time one of them got its turn. */
export const TRIES_MAX = 10
const SETTLE_MS_MAX = 2_000
const STEP_MS = 20

/** Runs one after the other. The next one waits for this one, and does not fail with it. */
export function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }
}

/** Gives another process the time to finish what it has begun. */
export async function untilSettled(clock: Clock, isSettled: () => boolean): Promise<void> {
  const until = clock.monotonicMs() + SETTLE_MS_MAX
  while (!isSettled() && clock.monotonicMs() < until) await clock.sleep(STEP_MS)
}

/** Tidies up. What was decided holds, also when this fails: a claim that stays is passed over. */
export async function forgetClaim(
  { onProblem }: Pick<ConfigTopicDeps, 'onProblem'>,
  topic: ConfigTopic,
  claim: Pick<Claim, 'kind' | 'id'>,
): Promise<void> {
  await topic.forget([claim]).catch((error: unknown) => onProblem?.(error))
}

export function lostTooOften(what: string): FaultlineError {
  return new FaultlineError('conflict', `Others ${what} at the same moment, again and again.`, {
    remedy: 'Look at what they did, and ask again.',
  })
}
