import { FaultlineError } from '#/kernel/errors.ts'
import type { AppDeps } from './deps.ts'
import { createRateLimit } from './rate-limit.ts'
import type { Call } from './route.ts'

/**
 * What asks the store for more than a page does: so many a minute for each caller. Fails with `rate_limited` and says
 * how long to wait.
 */
export function createMinuteLimit(
  { config, clock }: Pick<AppDeps, 'config' | 'clock'>,
  what: string,
): (call: Call, caller: string) => void {
  const perMinute = config.sqlPerMinuteMax
  const rate = createRateLimit(clock, { perSecond: perMinute / 60, burst: perMinute })
  return (call, caller) => {
    const wait = rate.waitSeconds(caller)
    if (wait > 0) {
      void call.reply.header('retry-after', wait)
      throw new FaultlineError('rate_limited', `More than ${perMinute} ${what} a minute.`)
    }
    rate.take(caller, 1)
  }
}
