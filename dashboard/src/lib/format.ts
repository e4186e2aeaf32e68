/** Numbers and words as people read them. Pure, and the same on the server as in the browser. */

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** 12,345 */
export function grouped(value: number): string {
  return Number.isFinite(value) ? GROUPED.format(value) : '–'
}

const STEPS = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const

/** 1,284 stays whole; from ten thousand on 12.8k, 3.4M. */
export function compact(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) < 10_000) {
    return Number.isInteger(value) || Math.abs(value) >= 100 ? grouped(value) : value.toFixed(1)
  }
  for (const [size, unit] of STEPS) {
    // Rounding must not show 1000.0k where 1.0M is meant.
    if (Math.abs(value) >= size * 0.99995) return `${(value / size).toFixed(1)}${unit}`
  }
  return grouped(value)
}

/** 0.0432 → 4.3 %; null → – */
export function percent(share: number | null): string {
  if (share === null || !Number.isFinite(share)) return '–'
  const value = share * 100
  if (value > 0 && value < 0.1) return '< 0.1 %'
  return `${value !== 0 && Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0)} %`
}

/** 0.4 → 0.4 ms, 412 → 412 ms, 2300 → 2.3 s */
export function milliseconds(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–'
  if (value < 10) return `${value.toFixed(1)} ms`
  if (value < 1000) return `${Math.round(value)} ms`
  return `${(value / 1000).toFixed(value < 10_000 ? 1 : 0)} s`
}

/** `1 event`, `2 events`; the plural can be given. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(value)} ${value === 1 ? noun : plural}`
}

/** The first `lengthMax` characters, with an ellipsis when something was cut. */
export function shortened(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1).trimEnd()}…`
}

export { plainTitle } from '#lib/contract.ts'

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed(names: readonly string[], shownMax = 2): string {
  if (names.length <= 1) return names[0] ?? ''
  const shown = names.slice(0, shownMax)
  const rest = names.length - shown.length
  if (rest > 0) return `${shown.join(', ')} and ${rest} more`
  return `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
}
