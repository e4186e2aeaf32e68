import { FaultlineError } from '#/kernel/errors.ts'

export interface DeadLetterLimits {
  /** So many in a row stop the stage: then it is the stage or a deployment that is broken, not the record. */
  runMax: number
  /** Share of dead letters among the last `windowRecords` that stops the stage. */
  ratioMax: number
  windowRecords: number
}

const DEAD_LETTER_LIMITS: DeadLetterLimits = {
  runMax: 100,
  ratioMax: 0.1,
  windowRecords: 10_000,
}

export interface DeadLetterGuard {
  ok(count?: number): void
  /** Returns what is wrong when the limit is reached, undefined while it is not. */
  failed(reason: string): FaultlineError | undefined
}

/**
 * Counts dead letters of one worker. Starts afresh with each start of the worker, which is how an operator lets it
 * go on: what was dead-lettered until then stays so.
 */
export function createDeadLetterGuard(
  limits: DeadLetterLimits = DEAD_LETTER_LIMITS,
): DeadLetterGuard {
  let run = 0
  let seen = 0
  let dead = 0
  const age = (): void => {
    // Halving keeps a memory of the window before without a list of its records.
    while (seen >= limits.windowRecords) {
      seen /= 2
      dead /= 2
    }
  }
  return {
    ok(count = 1) {
      if (count === 0) return
      run = 0
      seen += count
      age()
    },
    failed(reason) {
      run += 1
      dead += 1
      seen += 1
      age()
      const isRun = run >= limits.runMax
      const isRatio = seen >= limits.windowRecords / 2 && dead / seen > limits.ratioMax
      if (!isRun && !isRatio) return undefined
      const percent = Math.round((100 * dead) / seen)
      const what = isRun ? `${run} records in a row` : `${percent} % of records`
      return new FaultlineError('dead_letters_exceeded', `${what} failed; the last: ${reason}`, {
        remedy: 'Look at the newest ones with `faultline dlq list`, then restart the platform.',
      })
    },
  }
}
