import type { ClickHouse } from '#/clickhouse/client.ts'
import type { ChangesQuery, EventSelection } from '#/schemas/reads.ts'
import type { ChangesView, ChangeView } from '#/schemas/view.ts'
import { selectionConditions } from './conditions.ts'
import { aboutRows } from './whole-minutes.ts'

const FIELDS = [
  'service',
  'event_type',
  'severity',
  'environment',
  'release',
  'host',
  'route',
  'method',
  'status_code',
  'error_type',
  'error_code',
  'title',
] as const
/** Longer values are texts, not dimensions. */
const VALUE_CHARS_MAX = 80
/** Past this many events a sample of them is compared: shares need no more, and counts are then estimates. */
const SAMPLE_ROWS = 20_000
const VALUES_MAX = 3_000
const CHANGES_MAX = 12
const PER_FIELD_MAX = 3
const LIFT_MIN = 1.2
const EVENTS_MIN = 3
/** What every event has, so that they are counted along. */
const ALL = ' all'

const DIMENSIONS = `arrayFilter(d -> d.2 NOT IN ('', '0') AND length(d.2) <= ${VALUE_CHARS_MAX}, arrayConcat(
  [('', 'all'), ${FIELDS.map((field) => `('${field}', toString(${field}))`).join(', ')}],
  arrayMap((name, value) -> (concat('attributes.', toString(name)), value), mapKeys(attributes), mapValues(attributes))))`

/** Counts by `field value`, and of how many events. */
interface Tally {
  total: number
  counts: ReadonlyMap<string, number>
}

/** About how many there are, from whole minutes where they know; only the size of the sample depends on it. */
async function sizeOf(clickhouse: ClickHouse, selection: EventSelection): Promise<number> {
  const { from, params } = aboutRows(selection)
  const [row] = await clickhouse.query<{ n: string }>(`SELECT sum(n) AS n FROM ${from}`, { params })
  return Number(row?.n ?? 0)
}

async function tally(clickhouse: ClickHouse, selection: EventSelection): Promise<Tally> {
  const { where, params } = selectionConditions(selection)
  const every = Math.ceil((await sizeOf(clickhouse, selection)) / SAMPLE_ROWS)
  const sampled = every > 1 ? ' AND intHash32(toUInt32(_offset)) % {every:UInt32} = 0' : ''
  const rows = await clickhouse.query<{ field: string; value: string; n: string }>(
    `SELECT d.1 AS field, d.2 AS value, count() AS n FROM events ARRAY JOIN ${DIMENSIONS} AS d
     WHERE ${where}${sampled} GROUP BY field, value ORDER BY n DESC, field, value LIMIT ${VALUES_MAX}`,
    { params: { ...params, every } },
  )
  const counts = new Map(
    rows.map(
      ({ field, value, n }) => [`${field} ${value}`, Number(n) * Math.max(1, every)] as const,
    ),
  )
  const total = counts.get(ALL) ?? 0
  counts.delete(ALL)
  return { total, counts }
}

/**
 * Ranks values by what they add to the divergence of the two sets, share · ln(lift): something both frequent now and
 * new says most, a rare oddity and a value that was always there say little.
 */
export function rankChanges(
  inside: Tally,
  before: Tally,
  ignored: readonly string[] = [],
): ChangeView[] {
  const ranked = [...inside.counts].flatMap(([key, events]) => {
    const place = key.indexOf(' ')
    if (ignored.includes(key.slice(0, place))) return []
    const eventsBefore = before.counts.get(key) ?? 0
    const share = Math.min(1, events / inside.total)
    const shareBefore = before.total === 0 ? 0 : Math.min(1, eventsBefore / before.total)
    // Half an event keeps an empty past from dividing by nothing.
    const smoothed = (eventsBefore + 0.5) / (before.total + 1)
    if (events < EVENTS_MIN || share / smoothed < LIFT_MIN || share <= shareBefore) return []
    const change: ChangeView = {
      field: key.slice(0, place),
      value: key.slice(place + 1),
      events,
      events_before: eventsBefore,
      share,
      share_before: shareBefore,
      lift: shareBefore === 0 ? null : share / shareBefore,
    }
    return [{ change, score: share * Math.log(share / smoothed) }]
  })
  ranked.sort((a, b) => b.score - a.score || (a.change.field < b.change.field ? -1 : 1))
  const perField = new Map<string, number>()
  const kept = ranked.filter(({ change: { field } }) => {
    const seen = perField.get(field) ?? 0
    perField.set(field, seen + 1)
    return seen < PER_FIELD_MAX
  })
  return kept.slice(0, CHANGES_MAX).map(({ change }) => change)
}

export async function changes(clickhouse: ClickHouse, query: ChangesQuery): Promise<ChangesView> {
  const [inside, before] = await Promise.all([
    tally(clickhouse, query.inside),
    tally(clickhouse, query.before),
  ])
  return {
    from: query.inside.from,
    to: query.inside.to,
    before_from: query.before.from,
    before_to: query.before.to,
    events: inside.total,
    events_before: before.total,
    changes: inside.total === 0 ? [] : rankChanges(inside, before, query.ignored),
  }
}
