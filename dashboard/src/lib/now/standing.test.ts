import { expect, it } from 'vitest'

import type { IncidentRow, Overview } from '#lib/contract.ts'
import { notOlder, sentenceOf, standingOf } from '#lib/now/standing.ts'

const NOW = 1_000_000
const row = (id: string, change: Partial<IncidentRow> = {}): IncidentRow => ({
  id,
  number: 1,
  project: 'default',
  status: 'open',
  title: `Trouble ${id}`,
  severity: 3,
  severity_score: 40,
  opened_at: NOW - 60_000,
  updated_at: NOW - 1000,
  resolved_at: null,
  services: ['shop'],
  fingerprints: [],
  events: 5,
  users: 2,
  root: 'shop',
  suspect_deploy: '',
  regressed: false,
  flapping: false,
  silenced: false,
  ...change,
})
const overview = (incidents: readonly IncidentRow[], open = incidents.length): Overview => ({
  now: NOW,
  headline: 'An older sentence.',
  open_incidents: open,
  users_affected: 99,
  events_per_second: 1,
  lag_records: 0,
  incidents,
  rates: [],
  deploys: [],
  has_data: true,
})
const say = (rows: readonly IncidentRow[], told: Overview): string =>
  sentenceOf(standingOf(rows, told), { hasData: true, nowMs: NOW, deploys: [] })

it('the sentence and the totals of Now say what its rows say, before the store is asked again', () => {
  const told = overview([row('a'), row('b')])
  expect(say(told.incidents, told)).toContain('SEV3: Trouble a in shop, about 2 users affected')
  const equal = [row('z'), row('b', { updated_at: NOW })]
  expect(say(equal, told)).toContain('Trouble z')
  const worse = [row('a', { severity: 1, users: 9 }), row('b')]
  expect(say(worse, told)).toContain('SEV1: Trouble a in shop, about 9 users affected')
  expect(standingOf(worse, told)).toMatchObject({ open: 2, users: 11 })
  // One that waits to be shown counts too, and leads when it is the worst.
  expect(say([...worse, row('c', { severity: 1, severity_score: 90 })], told)).toMatch(
    /^SEV1: Trouble c .* 2 more incidents are open\.$/,
  )
  const over = [row('a', { status: 'resolved' }), row('b', { status: 'resolved' })]
  expect(say(over, told)).toBe('All quiet: no open incident.')
  expect(standingOf(over, told)).toMatchObject({ open: 0, users: 0 })
})

it('counts those the list has no place for', () => {
  const told = overview([row('a'), row('b')], 31)
  expect(say(told.incidents, told)).toContain('30 more incidents are open.')
  expect(standingOf(told.incidents, told)).toMatchObject({ open: 31, users: 99 })
})

it('an answer of the store that is behind the stream takes no row back', () => {
  const shown = [row('a', { status: 'resolved', updated_at: NOW }), row('b')]
  const answered = [
    row('a', { updated_at: NOW - 5000, errors: 7, spark: [1] }),
    row('b', { updated_at: NOW, severity: 1 }),
    row('c'),
  ]
  expect(notOlder(shown, answered)).toMatchObject([
    { id: 'a', status: 'resolved', errors: 7, spark: [1] },
    { id: 'b', severity: 1 },
    { id: 'c' },
  ])
})
