import { FaultlineError } from '#/kernel/errors.ts'
import type { AppDeps } from './deps.ts'
import { createRateLimit } from './rate-limit.ts'

/**
 * What asks the store for more than a page does: so many a minute for each caller. Fails with `rate_limited` and says
 * how long to wait.
 */
export function createMinuteLimit(
  { config, clock }: Pick<AppDeps, 'config' | 'clock'>,
  what: string,
): (caller: string) => void {
  const perMinute = config.sqlPerMinuteMax
  const rate = createRateLimit(clock, { perSecond: perMinute / 60, burst: perMinute })
  return (caller) => {
    const wait = rate.waitSeconds(caller)
    if (wait > 0)
      throw new FaultlineError('rate_limited', `More than ${perMinute} ${what} a minute.`, {
        retryAfterSeconds: wait,
      })
    rate.take(caller, 1)
  }
}
