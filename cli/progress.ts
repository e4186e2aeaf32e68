import type { Writable } from 'node:stream'
import type { Clock } from '#/kernel/clock.ts'

export interface Progress {
  /** How far the work is; `total` undefined when nobody can know. */
  update(state: { done: number; total: number | undefined; items: number }): void
  finish(text: string): void
}

export interface ProgressOptions {
  stream: Writable & { isTTY?: boolean; columns?: number }
  clock: Clock
  /** What is counted: `events`. */
  unit: string
}

const BAR_CELLS = 24
const REDRAW_TTY_MS = 100
const REDRAW_PLAIN_MS = 5000

export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** One line of progress: bar, share, items, rate and time left. */
export function progressLine(state: {
  done: number
  total: number | undefined
  items: number
  elapsedS: number
  unit: string
}): string {
  const rate = state.elapsedS > 0 ? Math.round(state.items / state.elapsedS) : 0
  const counted = `${state.items.toLocaleString('en')} ${state.unit}  ${rate.toLocaleString('en')}/s`
  if (state.total === undefined || state.total === 0)
    return `${counted}  ${formatDuration(state.elapsedS)}`
  const share = Math.min(1, state.done / state.total)
  const filled = Math.round(share * BAR_CELLS)
  const left = share > 0 ? (state.elapsedS * (1 - share)) / share : Number.NaN
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled)
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${counted}  ${formatDuration(left)} left`
}

/** A bar that redraws itself on a terminal; elsewhere a line every few seconds. */
export function createProgress({ stream, clock, unit }: ProgressOptions): Progress {
  const isTerminal = stream.isTTY === true
  const startedMs = clock.monotonicMs()
  let drawnMs = isTerminal ? Number.NEGATIVE_INFINITY : startedMs
  return {
    update(state) {
      const nowMs = clock.monotonicMs()
      if (nowMs - drawnMs < (isTerminal ? REDRAW_TTY_MS : REDRAW_PLAIN_MS)) return
      drawnMs = nowMs
      const line = progressLine({ ...state, elapsedS: (nowMs - startedMs) / 1000, unit })
      stream.write(
        isTerminal ? `\r\u001B[2K${line.slice(0, (stream.columns ?? 100) - 1)}` : `${line}\n`,
      )
    },
    finish(text) {
      stream.write(isTerminal ? `\r\u001B[2K${text}\n` : `${text}\n`)
    },
  }
}
