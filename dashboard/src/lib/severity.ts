/**
 * Two scales meet here. Events count upwards (1 debug … 5 fatal), incidents downwards (SEV1 is worst).
 * Both are shown as one of five levels; a shape and a word always go with the colour.
 */
export type Level = 'critical' | 'high' | 'medium' | 'low' | 'info'

export const LEVELS: readonly Level[] = ['critical', 'high', 'medium', 'low', 'info']

export const SHAPE: Readonly<Record<Level, string>> = {
  critical: '◆',
  high: '▲',
  medium: '■',
  low: '●',
  info: '○',
}

const EVENT_NAMES = ['debug', 'info', 'warning', 'error', 'fatal'] as const

const clampIndex = (value: number): number => Math.min(4, Math.max(0, Math.round(value)))

/** SEV1 → critical … SEV5 → info; anything else is clamped. */
export function incidentLevel(severity: number): Level {
  return LEVELS[clampIndex(severity - 1)] ?? 'info'
}

/** 5 fatal → critical … 1 debug → info. */
export function eventLevel(severity: number): Level {
  return LEVELS[clampIndex(5 - severity)] ?? 'info'
}

export function eventName(severity: number): string {
  return EVENT_NAMES[clampIndex(severity - 1)] ?? 'info'
}

export function sevName(severity: number): string {
  return `SEV${clampIndex(severity - 1) + 1}`
}

/** A series of the API is a number (`4`) or a name (`error`); null when it is neither. */
export function eventSeverity(series: string): number | null {
  const byName = (EVENT_NAMES as readonly string[]).indexOf(series.toLowerCase())
  if (byName >= 0) return byName + 1
  const number = Number(series)
  return Number.isInteger(number) && number >= 1 && number <= 5 ? number : null
}
