import { hostname } from 'node:os'
import { batchOf } from '#/api/ingest/body.ts'
import { createDoor } from '#/api/ingest/door.ts'
import { API_DEFAULTS } from '#/api/deps.ts'
import { OWN_PROJECT } from '#/api/sentry/dsn-routes.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { Log } from '#/processors/log/port.ts'
import type { SchemaIds } from '#/schemas/registry.ts'
import type { Kit } from './kit.ts'
import type { LogFields, Logger } from './logger.ts'

export interface SelfWatchDeps {
  log: Log
  metrics: Metrics
  schemaIds: SchemaIds
  clock: Clock
  version: string
}

export interface SelfWatch {
  /** The same logger; what it logs as an error also becomes an event of the platform's own project. */
  watch(logger: Logger): Logger
  /** Waits for what is being written. */
  close(): Promise<void>
}

/** The same line at most once in this time, … */
const REPEAT_MS = 60_000
/** … and so many lines altogether. */
const EVENTS_PER_REPEAT_MAX = 30

/**
 * The platform's own failures as events of the project `faultline`. They cannot feed on themselves: telling is bounded
 * in time, one write is under way at a time, and a write that fails is not told.
 */
export function createSelfWatch(deps: SelfWatchDeps): SelfWatch {
  const { clock, version } = deps
  const door = createDoor({
    ...deps,
    config: API_DEFAULTS,
    pipeline: { stages: () => Promise.resolve([]) },
  })
  const host = hostname()
  let told = new Set<string>()
  let beganMs = clock.nowMs()
  let suppressed = 0
  let writing: Promise<unknown> | undefined

  function tell(message: string, fields: LogFields): void {
    const nowMs = clock.nowMs()
    if (nowMs - beganMs >= REPEAT_MS) {
      told = new Set()
      beganMs = nowMs
    }
    const error = Object.values(fields).find((value) => value instanceof Error)
    const key = error === undefined ? message : `${message}: ${messageOf(error)}`
    if (told.has(key) || told.size >= EVENTS_PER_REPEAT_MAX || writing !== undefined) {
      suppressed += 1
      return
    }
    told.add(key)
    const input = {
      ...eventOf(key, { error, fields, suppressed }),
      occurred_at: nowMs,
      release: version,
      host,
    }
    suppressed = 0
    writing = door
      .accept(batchOf([input]), { project: OWN_PROJECT })
      .catch(() => undefined)
      .finally(() => (writing = undefined))
  }

  return {
    watch: (logger) => ({
      ...logger,
      error(message, fields = {}) {
        logger.error(message, fields)
        tell(message, fields)
      },
    }),
    async close() {
      await writing
    },
  }
}

function eventOf(
  message: string,
  about: { error: Error | undefined; fields: LogFields; suppressed: number },
): Record<string, unknown> {
  const { error, fields, suppressed } = about
  const shown = Object.entries(fields).filter(([, value]) =>
    ['string', 'number'].includes(typeof value),
  )
  return {
    event_type: 'error',
    severity: 4,
    service: 'faultline',
    message,
    ...(error === undefined ? {} : { error_type: error.name, stack: error.stack ?? '' }),
    attributes: {
      ...Object.fromEntries(shown),
      ...(error instanceof FaultlineError ? { code: error.code } : {}),
      ...(suppressed === 0 ? {} : { suppressed }),
    },
  }
}

/** From here on, what the platform logs as an error is also an event of its own project. */
export function watchKit(kit: Kit): Kit {
  const watch = createSelfWatch({ ...kit, clock: systemClock })
  kit.closers.push(() => watch.close())
  return { ...kit, logger: watch.watch(kit.logger) }
}
