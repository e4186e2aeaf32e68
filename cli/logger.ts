import type { Writable } from 'node:stream'
import type { Clock } from '#/kernel/clock.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFields = Readonly<Record<string, unknown>>

/** One JSON object a line. Errors keep their message, code and stack; secrets are never given to it. */
export type Logger = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>

function plain(value: unknown): unknown {
  if (!(value instanceof Error)) return value
  const cause: unknown = value.cause
  return {
    message: value.message,
    stack: value.stack,
    ...('code' in value ? { code: value.code } : {}),
    ...(cause === undefined ? {} : { cause: cause instanceof Error ? cause.message : cause }),
  }
}

export function createLogger(options: { stream: Writable; clock: Clock; level: LogLevel }): Logger {
  const lowest = LOG_LEVELS.indexOf(options.level)
  const write = (level: LogLevel) => {
    if (LOG_LEVELS.indexOf(level) < lowest) return () => undefined
    return (message: string, fields: LogFields = {}): void => {
      const entries = Object.entries(fields).map(([name, value]) => [name, plain(value)])
      const at = new Date(options.clock.nowMs()).toISOString()
      options.stream.write(
        `${JSON.stringify({ at, level, message, ...Object.fromEntries(entries) })}\n`,
      )
    }
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
