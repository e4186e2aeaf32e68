import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'

/** What one check found. */
export interface Finding {
  name: string
  level: 'ok' | 'warning' | 'fault'
  detail: string
  /** What to do; empty when there is nothing to do. */
  remedy: string
}

export interface Check {
  name: string
  /** Answers the measured value, or a warning; throws what is wrong, with its remedy. */
  ask: () => Promise<string | Warning>
}

export interface Warning {
  warning: string
  remedy: string
}

/** What does not answer within this is as good as away. */
const ANSWER_MS_MAX = 8_000

/** Never rejects: whatever a check throws is a finding. */
export async function runCheck({ name, ask }: Check, clock: Clock): Promise<Finding> {
  const patience = new AbortController()
  const late = clock.sleep(ANSWER_MS_MAX, patience.signal).then(() => {
    throw fault(
      `no answer within ${ANSWER_MS_MAX / 1000} s`,
      'Is the address right, and is the way there open?',
    )
  })
  late.catch(() => undefined)
  try {
    const found = await Promise.race([ask(), late])
    if (typeof found === 'string') return { name, level: 'ok', detail: found, remedy: '' }
    return { name, level: 'warning', detail: found.warning, remedy: found.remedy }
  } catch (error) {
    const remedy = error instanceof FaultlineError ? (error.remedy ?? '') : ''
    return { name, level: 'fault', detail: messageOf(error), remedy }
  } finally {
    patience.abort()
  }
}

export function fault(detail: string, remedy: string): FaultlineError {
  return new FaultlineError('config_invalid', detail, { remedy })
}
