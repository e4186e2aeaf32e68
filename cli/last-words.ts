import type { Logger } from './logger.ts'

/**
 * An error that nobody handles ends the process: what it left half done is in no known state, and whoever watches over
 * the process starts it anew. It says so in its log before Node prints the stack and ends with code 1. Rejections that
 * nobody handles come the same way.
 */
export function sayLastWords(logger: Logger): void {
  process.on('uncaughtExceptionMonitor', (thrown: unknown, origin) => {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    logger.error('the process ends: an error that nobody handled', { error, origin })
  })
}
