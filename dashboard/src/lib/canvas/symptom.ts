/** A symptom made of what is on the screen: it keeps query and time, and its link opens exactly that again. Pure. */
import { LIMITS } from '#lib/contract.ts'
import type { EventView, PayloadOf } from '#lib/contract.ts'
import { shortened } from '#lib/format.ts'
import { absolute, clockTime } from '#lib/time/format.ts'
import { withParams } from '#lib/url-state.ts'

type Source = NonNullable<PayloadOf<'card_create'>['source']>

export interface Symptom {
  title: string
  text: string
  source: Source
}

const MINUTE_MS = 60_000

const iso = (at: number): string => new Date(at).toISOString()

export interface ChartShown {
  title: string
  from: number
  to: number
  /** The page the chart is on. */
  url: { pathname: string; search: string }
}

/** Pages of an incident show its own time; every other page is pinned to what it shows now. */
export function chartSymptom({ title, from, to, url }: ChartShown): Symptom {
  const isPinned = /^\/incidents\/[^/]+/.test(url.pathname)
  const href = withParams(url, isPinned ? {} : { t: null, from: iso(from), to: iso(to) })
  const filters = [...new URLSearchParams(url.search)]
    .filter(([name]) => !['t', 'from', 'to', 'diff', 'view', 'card', 'at', 'as'].includes(name))
    .map(([name, value]) => `${name}=${value}`)
  return {
    title: shortened(`${title}, ${clockTime(from)} – ${clockTime(to)} UTC`, LIMITS.titleChars),
    text: filters.length === 0 ? '' : `Only ${filters.join(', ')}.`,
    source: { kind: 'chart', href, query: [title, ...filters].join('\n'), from, to },
  }
}

/** The minute around the event, among its likes. */
export function eventSymptom(event: EventView): Symptom {
  const { service, message, occurred_at: at, event_id: eventId, fingerprint } = event
  const from = at - MINUTE_MS / 2
  const to = at + MINUTE_MS / 2
  const href = withParams(
    { pathname: '/explore', search: '' },
    { service, fingerprint: fingerprint === '' ? null : fingerprint, from: iso(from), to: iso(to) },
  )
  return {
    title: shortened(`${service}: ${message}`, LIMITS.titleChars),
    text: `Event of ${absolute(at)}.`,
    source: { kind: 'event', href, eventId, from, to },
  }
}
