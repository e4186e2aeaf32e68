/** Ticks of both axes and the places of markers, as shares of the plot. Pure. */
import { clockTime, dayMonth } from '#lib/time/format.ts'

const NICE = [1, 2, 2.5, 5, 10]

/** At most five round steps that reach `max`: 78 → 0 20 40 60 80. */
export function valueTicks(max: number): readonly number[] {
  if (!Number.isFinite(max) || max <= 0) return [0, 1]
  const raw = max / 4
  const size = 10 ** Math.floor(Math.log10(raw))
  const step = (NICE.find((nice) => nice * size >= raw * 0.999) ?? 10) * size
  const count = Math.ceil(max / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)))
}

export interface TimeTick {
  /** 0 to 1. */
  x: number
  label: string
  /** 2 for every second one and 1 for every fourth, which narrow charts leave out; 0 for the rest. */
  rank: 0 | 1 | 2
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const TICK_MS = [
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  24 * HOUR,
  48 * HOUR,
  120 * HOUR,
]

/** Round clock times in the range, at most twelve; midnight is named by its date. */
export function timeTicks(from: number, to: number): readonly TimeTick[] {
  const length = to - from
  if (!(length > 0)) return []
  const step = TICK_MS.find((candidate) => length / candidate <= 12) ?? 240 * HOUR
  const ticks: TimeTick[] = []
  for (let at = Math.ceil(from / step) * step; at < to; at += step) {
    const x = (at - from) / length
    // Labels at the very edge would be cut off.
    if (x < 0.015 || x > 0.985) continue
    const label = at % (24 * HOUR) === 0 ? dayMonth(at) : clockTime(at)
    const place = Math.round(at / step)
    ticks.push({ x, label, rank: place % 2 !== 0 ? 2 : place % 4 !== 0 ? 1 : 0 })
  }
  return ticks
}

export interface Marker {
  x: number
  sign: string
  /** '' where there is no room for it. */
  label: string
  href: string
  title: string
  anchor: 'start' | 'middle' | 'end'
}

export interface Happening {
  id: string
  at: number
  label: string
  href: string
  title: string
  /** The sign of a deploy unless another is given. */
  sign?: string
  /** Set when it is suspected of an incident: 0 most of all. It never hides behind a neighbour. */
  suspicion?: number
}

const MARKERS_MAX = 40
/** Shares of the width: about 12 px between lines and 130 px between labels on a laptop. */
const LINE_GAP = 0.01
const LABEL_GAP = 0.13

/** Suspects first, the most suspected before the others; else by time. */
const bySuspicion = (a: Happening, b: Happening): number =>
  (a.suspicion ?? Infinity) === (b.suspicion ?? Infinity)
    ? a.at - b.at
    : (a.suspicion ?? Infinity) - (b.suspicion ?? Infinity)

/** What stands together at one place: its names begin with those that are suspected. */
function clusterLabel(cluster: readonly Happening[], named: number): string {
  const more = cluster.length - named
  const names = cluster.slice(0, named).map((one) => one.label)
  return `${names.join(', ')}${more > 0 ? ` +${more}` : ''}`
}

/**
 * Deploy markers: each once, neighbours joined into `+n`, at most forty, labels only where they fit. What is suspected
 * is named first: before its neighbours at the same place, two of them where there is room, and before other places.
 */
export function markers(
  happenings: readonly Happening[],
  range: { from: number; to: number },
): readonly Marker[] {
  const length = Math.max(1, range.to - range.from)
  const unique = new Map(happenings.map((one) => [one.id, one]))
  const inside = [...unique.values()]
    .filter((one) => one.at >= range.from && one.at <= range.to)
    .toSorted((a, b) => a.at - b.at)
  const gap = Math.max(LINE_GAP, 1 / MARKERS_MAX / 2)
  const clusters: Happening[][] = []
  for (const one of inside) {
    const last = clusters.at(-1)
    const previous = last?.[0]
    if (last && previous && (one.at - previous.at) / length < gap) last.push(one)
    else clusters.push([one])
  }
  const places = clusters.slice(-MARKERS_MAX).flatMap((cluster) => {
    const ranked = cluster.toSorted(bySuspicion)
    const [lead] = ranked
    return lead === undefined ? [] : [{ ranked, lead, x: (lead.at - range.from) / length }]
  })
  const labelled: { x: number; width: number }[] = []
  const fits = (x: number, width: number): boolean =>
    labelled.every((other) => Math.abs(other.x - x) >= (other.width + width) / 2 - 1e-9)
  const labels = new Map<Happening, string>()
  for (const { ranked, lead, x } of places.toSorted((a, b) => bySuspicion(a.lead, b.lead))) {
    const suspects = ranked.filter((one) => one.suspicion !== undefined).length
    for (let named = Math.max(1, Math.min(2, suspects)); named > 0; named -= 1) {
      if (!fits(x, named * LABEL_GAP)) continue
      labelled.push({ x, width: named * LABEL_GAP })
      labels.set(lead, clusterLabel(ranked, named))
      break
    }
  }
  return places.map(({ ranked, lead, x }) => {
    const label = labels.get(lead)
    return {
      x,
      // Without room the line alone stands; its title still says what it is.
      sign: label === undefined ? '' : (lead.sign ?? '▼'),
      label: label ?? '',
      href: lead.href,
      title: ranked.map((one) => one.title).join('\n'),
      anchor: x < 0.08 ? 'start' : x > 0.9 ? 'end' : 'middle',
    }
  })
}
