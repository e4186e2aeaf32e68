import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import type { Platform } from './compose.ts'
import { historyLeftMin, newestPageOf } from './demo-history.ts'
import { playScenario, spanOf } from './load.ts'
import type { Logger } from './logger.ts'
import type { Plan } from './scenario/plan.ts'
import { scenario } from './scenario/plans.ts'
import { createSender } from './sender.ts'

/**
 * Ten quiet seconds; the bad release is rolled forward 55 s after the start; the database is in trouble after twenty
 * minutes. The past comes at the rate of the present: a step between the two would be a finding of its own.
 */
export const DEMO = {
  rate: 12,
  errorsPerSecond: 6,
  historyMin: 70,
  leadS: 10,
  endS: 1300,
  durationS: 1400,
}

/** The story, when second `startS` is the first of it. */
export function demoPlan(startS: number): Plan {
  const { durationS, leadS, endS, errorsPerSecond } = DEMO
  const span = { durationS: startS + durationS, fromS: startS + leadS, toS: startS + endS }
  return scenario('demo').make(span, errorsPerSecond)
}

/** Plays the story, then ordinary traffic until the end. */
export async function playDemo(
  platform: Platform,
  options: { seed: number; logger: Logger; signal: AbortSignal },
): Promise<void> {
  const { seed, logger, signal } = options
  const sender = createSender({
    url: platform.url,
    key: platform.ingestKey ?? '',
    clock: systemClock,
    random: systemRandom,
  })
  const play = { seed, rate: DEMO.rate, sender, clock: systemClock, signal }
  const quiet = scenario('normal').make(spanOf(3600), 0)
  const { durationS } = DEMO
  try {
    const historyMin = await historyLeftMin(DEMO.historyMin, {
      nowMs: systemClock.nowMs(),
      newestPage: () => newestPageOf(platform.url, signal),
    })
    await playScenario({ ...play, plan: demoPlan(0), durationS, historyMin })
    while (!signal.aborted)
      await playScenario({ ...play, plan: quiet, durationS: 3600, historyMin: 0 })
  } catch (error) {
    if (!signal.aborted) logger.error('the demo stopped', { error })
  }
}
