import { SEVERITY_OF } from '#/schemas/event-input-fields.ts'
import { EVENT_FIELDS } from '#/schemas/reads.ts'
import type { EventField, EventFilter, MomentOf } from '#/schemas/reads.ts'
import { list, oneOf, text, time, wholeNumber, wrong } from './params.ts'
import type { Param } from './params.ts'

const HOUR_MS = 3_600_000
/** Clocks of senders run ahead: without `to`, events up to this much after now are shown. */
const AHEAD_MS = 5 * 60_000

/** The range a read looks at; `hours` back from now unless told otherwise. */
export function range(hours: number) {
  return {
    from: time(
      `Begin of the range, inclusive; ${hours} h ago when missing.`,
      (nowMs) => nowMs - hours * HOUR_MS,
    ),
    to: time(
      'End of the range, exclusive; a little after now when missing.',
      (nowMs) => nowMs + AHEAD_MS,
    ),
  }
}

const KNOWLEDGE = ['known', 'true'] as const

/** For what can be read as it was. */
export const momentParams = {
  at: time('As it was then; now when missing.', () => null),
  as: oneOf(
    'With `at`: known, what had been received and found out by then; true, what had happened by then, whenever it was received.',
    KNOWLEDGE,
    'known',
  ),
}

/** The last time the store can hold lies beyond it; whatever is later is as good as now. */
const FAR_MS = Date.UTC(2200, 0)

export function momentOf({
  at,
  as,
}: {
  at: number | null
  as: MomentOf['knowledge']
}): MomentOf | undefined {
  return at === null ? undefined : { atMs: Math.min(at, FAR_MS), knowledge: as }
}

/** Fails with `invalid_request` when the range is empty. */
export function checkRange(query: { from: number; to: number }): void {
  if (query.from < query.to) return
  throw wrong('from', 'from must be before to.', 'Swap them, or leave one out.')
}

const PAGE_LIMIT_MAX = 1_000

export const paging = {
  cursor: text('`next` of the page before.'),
  limit: wholeNumber('Rows of a page.', { min: 1, max: PAGE_LIMIT_MAX, fallback: 100 }),
  format: oneOf('How rows are answered.', ['json', 'csv'], 'json'),
}

export function pageOf(query: { cursor: string; limit: number }) {
  return { cursor: query.cursor === '' ? null : query.cursor, limit: query.limit }
}

/** One list parameter per field of an event. */
export const filterParams = {
  ...(Object.fromEntries(
    EVENT_FIELDS.map((field) => [
      field,
      list(`Only events with one of these in ${field}; a leading ! excludes.`),
    ]),
  ) as Record<EventField, Param<readonly string[]>>),
  q: text('Words that must all occur in the message.'),
}

type FilterValues = Readonly<Record<EventField, readonly string[]>>

/** Filters of a query. Fails with `invalid_request` at the field for numbers that are none. */
export function filtersOf(query: FilterValues): EventFilter[] {
  return EVENT_FIELDS.flatMap((field) => {
    const wanted = query[field].filter((value) => !value.startsWith('!'))
    const unwanted = query[field].filter((value) => value.startsWith('!')).map((v) => v.slice(1))
    return [
      { field, values: wanted.map((value) => checked(field, value)), exclude: false },
      { field, values: unwanted.map((value) => checked(field, value)), exclude: true },
    ].filter((filter) => filter.values.length > 0)
  })
}

function checked(field: EventField, value: string): string {
  if (field === 'severity') {
    const level = SEVERITY_OF.get(value.toLowerCase()) ?? Number(value)
    if (Number.isInteger(level) && level >= 1 && level <= 5) return String(level)
    throw wrong(
      field,
      'severity must be 1 to 5 or a name.',
      'Use debug, info, warning, error, fatal.',
    )
  }
  if (field === 'status_code') {
    if (/^\d{1,3}$/.test(value)) return String(Number(value))
    throw wrong(field, 'status_code must be a whole number from 0 to 999.')
  }
  return value
}

const STEPS_MS = [
  1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000, 10_800_000,
  21_600_000, 86_400_000, 604_800_000,
]
/** Enough for any screen; more would only cost bytes. */
const BUCKETS_MAX = 360

export const step = wholeNumber('Width of a bucket in ms; 0 chooses one.', {
  min: 0,
  max: 604_800_000,
  fallback: 0,
})

/** The width of a bucket: as asked, or the smallest of a fixed list that gives at most 360. */
export function stepOf(query: { from: number; to: number; step: number }): number {
  const spanMs = query.to - query.from
  if (query.step === 0)
    return (
      STEPS_MS.find((width) => spanMs / width <= BUCKETS_MAX) ?? Math.ceil(spanMs / BUCKETS_MAX)
    )
  if (query.step >= 1_000 && spanMs / query.step <= BUCKETS_MAX * 10) return query.step
  throw wrong('step', `step must be at least 1000 and give at most ${BUCKETS_MAX * 10} buckets.`)
}

/** Range and width of the buckets as the read port takes them. Fails with `invalid_request`. */
export function stepsOf(query: { from: number; to: number; step: number }) {
  checkRange(query)
  return { from: query.from, to: query.to, stepMs: stepOf(query) }
}
